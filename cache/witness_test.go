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

// witness stands between cache and server and remembers what was said when, so
// that a test can tell whether the cache was entitled to an answer.
type witness struct {
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

func newWitness(up secret.Upstream, ttl, maxStale time.Duration) *witness {
	return &witness{
		Upstream: up, ttl: ttl, maxStale: maxStale,
		denied: map[secret.Dir]time.Time{}, absent: map[secret.Dir]time.Time{}, values: map[secret.Dir][]value{},
	}
}

// Fetch writes into the answer when it was asked for.
func (u *witness) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	began := time.Now()
	if known != nil {
		if known.NoSubfolders {
			began = since(known) // its secrets are not asked for
		}
		known = known.With(func(f *secret.Folder) { f.Revision, _, _ = strings.Cut(f.Revision, "@") })
	}
	folder, err := u.Upstream.Fetch(ctx, dir, known)
	u.heard(dir, err, true)
	if err != nil {
		return nil, err
	}
	return folder.With(func(f *secret.Folder) { f.Revision += began.Format("@" + time.RFC3339Nano) }), nil
}

func (u *witness) Tree(ctx context.Context, dir secret.Dir, known []*secret.Folder) ([]*secret.Folder, error) {
	began := time.Now()
	known = slices.Clone(known)
	for i, f := range known {
		known[i] = f.With(func(f *secret.Folder) { f.Revision, _, _ = strings.Cut(f.Revision, "@") })
	}
	folders, err := u.Upstream.Tree(ctx, dir, known)
	u.heard(dir, err, false)
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

func (u *witness) heard(dir secret.Dir, err error, own bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	switch {
	case errors.Is(err, secret.ErrUnauthenticated):
		u.out = now
	case errors.Is(err, secret.ErrDenied) && own:
		u.denied[dir] = now
	case errors.Is(err, secret.ErrNotFound) && own:
		u.absent[dir] = now
	}
}

// rotated notes that KEY in dir has a new value.
func (u *witness) rotated(dir secret.Dir, text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.values[dir] = append(u.values[dir], value{text, time.Now()})
}

// judge returns what is wrong with the answer to a call that began at asked.
func (u *witness) judge(asked time.Time, dir secret.Dir, need secret.Need, folder *secret.Folder, err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	switch {
	case errors.Is(err, secret.ErrNotFound):
		if at, ok := u.absent[dir]; !ok || asked.Sub(at) > u.ttl {
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
	for _, said := range []time.Time{u.denied[dir], u.out} {
		if said.Before(asked) && since(folder).Before(said) {
			return fmt.Errorf("asked for at %v, shown though refused at %v", since(folder), said)
		}
	}
	if age := asked.Sub(folder.Fetched); age > u.ttl+u.maxStale {
		return fmt.Errorf("%v old", age)
	} else if age >= u.ttl && !folder.Stale {
		return fmt.Errorf("%v old and not marked stale", age)
	}
	return u.judgeValue(folder, now)
}

// judgeValue demands that KEY had the value at some time since the snapshot.
func (u *witness) judgeValue(folder *secret.Folder, now time.Time) error {
	s, ok := folder.Secret("KEY")
	if !ok {
		return nil // the witness keeps a record of values only
	}
	history := u.values[folder.Dir]
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
