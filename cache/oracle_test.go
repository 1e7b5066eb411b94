package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"infisicalfs/secret"
)

// oracle stands between cache and server and remembers what was said when, so
// that a test can tell whether the cache was entitled to an answer.
type oracle struct {
	secret.Upstream
	ttl, maxStale time.Duration

	mu     sync.Mutex // guards everything below
	denied map[secret.Dir]time.Time
	out    time.Time // last "not logged in"
	absent map[secret.Dir]time.Time
	values map[secret.Dir][]value // oldest first
}

// value is a value of the secret KEY and when it became that.
type value struct {
	text string
	at   time.Time
}

func newOracle(up secret.Upstream, ttl, maxStale time.Duration) *oracle {
	return &oracle{
		Upstream: up, ttl: ttl, maxStale: maxStale,
		denied: map[secret.Dir]time.Time{}, absent: map[secret.Dir]time.Time{}, values: map[secret.Dir][]value{},
	}
}

// Fetch writes into the answer when it was asked for.
func (o *oracle) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	began := time.Now()
	if known != nil {
		if known.NoSubfolders {
			began = since(known) // its secrets are not asked for
		}
		known = known.With(func(f *secret.Folder) { f.Revision, _, _ = strings.Cut(f.Revision, "@") })
	}
	folder, err := o.Upstream.Fetch(ctx, dir, known)
	o.heard(dir, err, true)
	if err != nil {
		return nil, err
	}
	return folder.With(func(f *secret.Folder) { f.Revision += began.Format("@" + time.RFC3339Nano) }), nil
}

func (o *oracle) Tree(ctx context.Context, dir secret.Dir, known []*secret.Folder) ([]*secret.Folder, error) {
	began := time.Now()
	known = slices.Clone(known)
	for i, f := range known {
		known[i] = f.With(func(f *secret.Folder) { f.Revision, _, _ = strings.Cut(f.Revision, "@") })
	}
	folders, err := o.Upstream.Tree(ctx, dir, known)
	o.heard(dir, err, false)
	for _, f := range folders {
		f.Revision += began.Format("@" + time.RFC3339Nano)
	}
	return folders, err
}

// since returns when folder was asked for.
func since(folder *secret.Folder) time.Time {
	_, text, _ := strings.Cut(folder.Revision, "@")
	began, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return began
}

func (o *oracle) heard(dir secret.Dir, err error, own bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	switch {
	case errors.Is(err, secret.ErrUnauthenticated):
		o.out = now
	case errors.Is(err, secret.ErrDenied) && own:
		o.denied[dir] = now
	case errors.Is(err, secret.ErrNotFound) && own:
		o.absent[dir] = now
	}
}

// rotated notes that KEY in dir has a new value.
func (o *oracle) rotated(dir secret.Dir, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.values[dir] = append(o.values[dir], value{text, time.Now()})
}

// check returns what is wrong with the answer to a call that began at asked.
func (o *oracle) check(asked time.Time, dir secret.Dir, need secret.Need, folder *secret.Folder, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	switch {
	case errors.Is(err, secret.ErrNotFound):
		if at, ok := o.absent[dir]; !ok || asked.Sub(at) > o.ttl {
			return fmt.Errorf("an absence that the server did not report")
		}
		return nil
	case err != nil:
		return nil
	case folder.Dir != dir:
		return fmt.Errorf("got %s", folder.Dir)
	case need == secret.NeedProof && (folder.Partial || folder.NoSubfolders):
		return fmt.Errorf("no proof")
	case need == secret.NeedListing && folder.NoSubfolders:
		return fmt.Errorf("no listing")
	}
	for _, said := range []time.Time{o.denied[dir], o.out} {
		if said.Before(asked) && since(folder).Before(said) {
			return fmt.Errorf("asked for at %v, shown though refused at %v", since(folder), said)
		}
	}
	if age := asked.Sub(folder.Fetched); age > o.ttl+o.maxStale {
		return fmt.Errorf("%v old", age)
	} else if age >= o.ttl && !folder.Stale {
		return fmt.Errorf("%v old and not marked stale", age)
	}
	return o.checkValue(folder, now)
}

// checkValue demands that KEY had the value at some time since the snapshot.
func (o *oracle) checkValue(folder *secret.Folder, now time.Time) error {
	s, ok := folder.Secret("KEY")
	if !ok {
		return nil // the oracle keeps a record of values only
	}
	history := o.values[folder.Dir]
	for i, v := range history {
		replaced := now
		if i+1 < len(history) {
			replaced = history[i+1].at
		}
		if v.text == s.Value.Reveal() && !replaced.Before(since(folder)) && !v.at.After(now) {
			return nil
		}
	}
	return fmt.Errorf("a value that it did not have since %v", since(folder))
}
