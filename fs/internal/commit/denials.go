package commit

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/secret"
)

// denialLasts is how long a denial is remembered.
const denialLasts = time.Minute

// Right is what an identity may or may not do in a folder.
type Right string

// The rights that a write needs.
const (
	MayCreate Right = "create"
	MayChange Right = "change"
)

// Denials remembers for a minute which writes the server has denied for lack of a
// right: many programs check open and not close, so the next open is denied at once.
// The zero value is ready, and safe for concurrent use.
type Denials struct {
	mu       sync.Mutex // guards what follows
	until    map[denied]time.Time
	approved map[secret.Dir]bool // where a change waits for somebody's approval
}

type denied struct {
	dir   secret.Dir
	right Right
}

// Note remembers err if it is a denial, or if the change waits for an approval,
// and returns it.
func (d *Denials) Note(dir secret.Dir, right Right, err error) error {
	if errors.Is(err, secret.ErrApproval) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.approved == nil {
			d.approved = make(map[secret.Dir]bool)
		}
		d.approved[dir] = true
		return err
	}
	if !errors.Is(err, secret.ErrDenied) {
		return err
	}
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for old, until := range d.until {
		if now.After(until) {
			delete(d.until, old)
		}
	}
	if d.until == nil {
		d.until = make(map[denied]time.Time)
	}
	d.until[denied{dir, right}] = now.Add(denialLasts)
	return err
}

// Forget lets everything be tried again.
func (d *Denials) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until, d.approved = nil, nil
}

// Approval returns an error where changes have waited for an approval: what
// nobody has asked for shall not open another request.
func (d *Denials) Approval(dir secret.Dir) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.approved[dir] {
		return fmt.Errorf("%w, as the last change here had to wait for", secret.ErrApproval)
	}
	return nil
}

// Check returns an error, which wraps [secret.ErrDenied], while a denial is remembered.
func (d *Denials) Check(dir secret.Dir, right Right) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if until, ok := d.until[denied{dir, right}]; ok && time.Now().Before(until) {
		return fmt.Errorf("%w: the server refused to %s secrets here a moment ago", secret.ErrDenied, right)
	}
	return nil
}
