package cache

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"infisicalfs/cache/internal/refgraph"
	"infisicalfs/secret"
)

// flight is one request to the server, for one folder or in bulk. It runs on
// the cache's own context, so that a caller who leaves fails only itself.
type flight struct {
	dir    secret.Dir
	bulk   bool             // for dir and all that is below it
	bare   bool             // a bulk request for folders without their secrets
	known  *secret.Folder   // the request is conditional on it
	poll   bool             // without a caller, to notice changes
	parts  []*secret.Folder // what a bulk request is conditional on
	number uint64           // flights are counted
	born   uint64           // the cache's clock at its start
	began  time.Time
	done   chan struct{} // closed when its outcome was taken in

	waiting atomic.Int32 // callers

	// What happened since its start; guarded by Cache.mu.
	excluded    []secret.Dir      // absent, denied, or changed by us, with all below
	changedDirs []secret.Dir      // changed by us; of a bulk request
	changes     []refgraph.Change // of ours, which its answer may depend on
	seen        []refgraph.Change // by others, which its answer shows
	overtaken   bool              // its folder was changed by us: the answer may be older than that

	// The outcome, constant once done is closed.
	folder  *secret.Folder   // of a flight for one folder
	folders []*secret.Folder // of a bulk request
	err     error
}

// flightContext makes a request a background one for as long as nobody waits.
type flightContext struct {
	context.Context
	background context.Context
	flight     *flight
}

func (c flightContext) Value(key any) any {
	if c.flight.waiting.Load() == 0 {
		return c.background.Value(key)
	}
	return c.Context.Value(key)
}

// join finds the flight that serves q, or starts one, and counts the caller as
// waiting for it. [Cache.mu] is held.
func (c *Cache) join(q *query, e *entry, now time.Time) *flight {
	f := c.fetch[q.dir]
	if f != nil && f.overtaken {
		f = nil
	}
	wantsBare := c.wantsBare(q, e, now)
	if f == nil && (q.bulk() || wantsBare) {
		f = c.bulkOver(q, wantsBare)
	}
	if f != nil {
		f.waiting.Add(1)
		return f
	}
	f = c.newFlight(q.dir, now)
	f.waiting.Add(1)
	if wantsBare {
		f.bulk, f.bare = true, true
	} else if top, ok := c.planBulk(q, e, now); ok {
		f.dir, f.bulk = top, true
	} else {
		f.known = c.known(e, q.need, now)
	}
	c.start(f)
	return f
}

// start sends f on its way. [Cache.mu] is held.
func (c *Cache) start(f *flight) {
	if f.bulk {
		c.bulkFlights[f] = true
		c.stats.Trees++
	} else {
		c.fetch[f.dir] = f
		c.stats.Fetches++
	}
	c.wg.Go(func() { c.run(f) })
}

func (c *Cache) newFlight(dir secret.Dir, now time.Time) *flight {
	c.flights++
	return &flight{dir: dir, number: c.flights, born: c.clock, began: now, done: make(chan struct{})}
}

// run makes the request, takes in its outcome and lets the callers go on. If it takes
// something away, those who show that (OnChange) are told before: what a caller is
// denied shall not be readable elsewhere.
func (c *Cache) run(f *flight) {
	ctx := flightContext{c.ctx, secret.Background(c.ctx), f}
	if f.bare {
		f.folders, f.err = c.up.Folders(ctx, f.dir)
	} else if f.bulk {
		f.folders, f.err = c.up.Tree(ctx, f.dir, f.parts)
	} else {
		f.folder, f.err = c.fetchOne(ctx, f)
	}
	c.await(c.ctx, c.complete(f))
	close(f.done)
}

// onlySubfolders reports whether only the subfolders of a known snapshot are asked for.
func (f *flight) onlySubfolders() bool { return f.known != nil && f.known.NoSubfolders }

// onlySecrets reports whether only the secrets of a known snapshot are asked for.
func (f *flight) onlySecrets() bool { return f.known != nil && f.known.NoSecrets }

// fetchOne asks for f's folder alone.
func (c *Cache) fetchOne(ctx context.Context, f *flight) (*secret.Folder, error) {
	folder, err := c.up.Fetch(ctx, f.dir, f.known)
	switch {
	case err != nil:
		return nil, err
	case folder == nil || folder.Dir != f.dir:
		return nil, fmt.Errorf("%s: the answer is about something else: %w", f.dir, secret.ErrUnavailable)
	case f.onlySubfolders():
		// Only the subfolders are new; the secrets are as old as they were.
		folder = folder.With(func(next *secret.Folder) {
			next.Fetched, next.Answered = f.known.Fetched, f.known.Answered
		})
	}
	return folder, nil
}

// outcome is how a wait ended.
type outcome int

const (
	completed outcome = iota
	canceled          // the caller's context ended
	tooSlow           // the soft deadline passed
)

// wait waits for f as s says. The caller counts as waiting no longer.
func (f *flight) wait(ctx context.Context, s step) outcome {
	defer f.waiting.Add(-1)
	var softDeadline <-chan time.Time
	if !s.softDeadline.IsZero() {
		timer := time.NewTimer(time.Until(s.softDeadline))
		defer timer.Stop()
		softDeadline = timer.C
	}
	select {
	case <-f.done:
		return completed
	case <-ctx.Done():
		return canceled
	case <-softDeadline:
		return tooSlow
	}
}

// known returns what the next request for e's folder is told of it: the snapshot on which the
// request may be conditional, else what to ask in full with; nil if nothing is known.
func (c *Cache) known(e *entry, need secret.Need, now time.Time) *secret.Folder {
	s := e.snap
	switch {
	case s == nil:
		return nil
	case e.invalid || e.holes || e.dependent || len(e.unclear) > 0:
		return had(s)
	case (s.NoSubfolders || s.NoSecrets) && need != secret.NeedProof && c.standing(e, now) == fresh:
		return s // they alone will be asked for
	case s.Partial || s.NoSubfolders:
		return had(s) // there is nothing that the server could confirm
	case now.Sub(s.Answered) > c.cfg.TrustNotModified:
		return had(s)
	}
	return s
}

// had is a snapshot that is only to tell what the folder had: some servers say of a folder that
// is denied by now no more than that it is empty, unless they are asked for what was in it.
func had(s *secret.Folder) *secret.Folder {
	return s.With(func(f *secret.Folder) { f.Revision, f.NoSubfolders, f.NoSecrets = "", false, false })
}

// asking reports whether the server is being asked for dir, be it that the answer
// may be worthless by now.
func (c *Cache) asking(dir secret.Dir) bool {
	if c.fetch[dir] != nil {
		return true
	}
	for f := range c.bulkFlights {
		if covers(f.dir, dir) {
			return true
		}
	}
	return false
}
