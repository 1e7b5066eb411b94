package fs

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/secret"
)

// denialLasts is how long a refusal is remembered.
const denialLasts = time.Minute

// right is what an identity may or may not do in a folder.
type right string

const (
	mayCreate right = "create"
	mayChange right = "change"
)

// denials remembers which writes the server has refused for lack of a right:
// many programs check open and not close, so the next open is refused at once.
type denials struct {
	mu       sync.Mutex // guards what follows
	until    map[denied]time.Time
	approved map[secret.Dir]bool // where a change waits for somebody's approval
}

type denied struct {
	dir   secret.Dir
	right right
}

// note remembers err if it is a refusal, or if the change waits for an approval,
// and returns it.
func (d *denials) note(dir secret.Dir, right right, err error) error {
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

// forget lets everything be tried again.
func (d *denials) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until, d.approved = nil, nil
}

// approval returns an error where changes have waited for an approval: what
// nobody has asked for shall not open another request.
func (d *denials) approval(dir secret.Dir) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.approved[dir] {
		return fmt.Errorf("%w, as the last change here had to wait for", secret.ErrApproval)
	}
	return nil
}

// check returns an error while a refusal is remembered.
func (d *denials) check(dir secret.Dir, right right) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if until, ok := d.until[denied{dir, right}]; ok && time.Now().Before(until) {
		return fmt.Errorf("%w: the server refused to %s secrets here a moment ago", secret.ErrDenied, right)
	}
	return nil
}
