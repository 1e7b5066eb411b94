package cache

import (
	"errors"
	"time"

	"infisicalfs/secret"
)

// query is one call of Folder. Its fields belong to the caller's goroutine.
type query struct {
	dir    secret.Dir
	need   secret.Need
	after  uint64 // answers of flights born before this clock are too old
	noTree bool   // a bulk request did not settle it
	waited bool   // for a flight: not a hit
	began  bool   // touched is set
	// touched is the number of the last change of ours before the call.
	touched uint64
	again   bool // a flight was overtaken
}

// bulk reports whether a bulk answer may serve q.
func (q *query) bulk() bool { return q.need != secret.NeedProof && !q.noTree }

// step is what next tells a caller to do: return folder or err, or wait.
type step struct {
	folder *secret.Folder
	err    error
	flight *flight
	// patience is how long to wait for flight, which is forever unless there
	// is something to show instead.
	patience time.Duration
	hasStale bool
	// survey is to be waited for, and then asked again.
	survey *survey
	// after has to be heard before folder or err is returned.
	after *piece
}

// next decides how q goes on. A flight that it returns counts the caller as
// waiting.
func (c *Cache) next(q *query) step {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.closed {
		return step{err: errClosed}
	}
	if !q.waited {
		q.after = c.expired
	}
	if !q.began {
		q.began, q.touched = true, c.touches
	}
	if c.ban.holds(now) {
		return step{err: c.ban.err, after: c.denied(c.ban.err)}
	}
	e := c.store.use(q.dir, now)
	if err := e.refused(now); err != nil {
		return step{err: err, after: c.denied(err)}
	}
	if c.show(e, q.need, now) != nil {
		if s := c.surveyFor(e, now); s != nil {
			return step{survey: s}
		}
	}
	shown := c.show(e, q.need, now)
	if shown != nil {
		c.watchOver(e, now)
	}
	if shown != nil && !shown.Stale {
		if !q.waited {
			c.stats.Hits++
		}
		return step{folder: shown, after: c.denied(shown.Denied)}
	}
	if shown != nil && (e.retry.rests(now) || c.outage.rests(now)) && c.mayStandIn(q, e) {
		c.stats.Stale++
		return step{folder: shown}
	}
	if shown == nil {
		if err := c.recentFailure(e, now); err != nil {
			return step{err: err}
		}
	}
	if !q.waited {
		c.stats.Misses++
	}
	if shown != nil && e.slow.rests(now) && c.mayStandIn(q, e) {
		if !c.asking(q.dir) {
			c.board(q, e, now).waiting.Add(-1)
		}
		c.stats.Stale++
		return step{folder: shown}
	}
	f := c.board(q, e, now)
	if shown == nil {
		return step{flight: f}
	}
	c.outage.probeWith(f)
	if !c.mayStandIn(q, e) {
		return step{flight: f}
	}
	return step{flight: f, hasStale: true, patience: f.began.Add(c.cfg.SoftDeadline).Sub(now)}
}

// asking reports whether the server is being asked for dir, be it that the answer
// may be worthless by now.
func (c *Cache) asking(dir secret.Dir) bool {
	if c.fetch[dir] != nil {
		return true
	}
	for f := range c.trees {
		if covers(f.dir, dir) {
			return true
		}
	}
	return false
}

// mayStandIn reports whether a stale snapshot of e may answer q before the server
// does. A server that is slow, and not known not to answer, has to be waited for by
// whoever wants to know that a name does not exist, was told to ask anew, or has
// changed what the snapshot shows.
func (c *Cache) mayStandIn(q *query, e *entry) bool {
	return c.outage.known() || away(e.failure) || q.need != secret.NeedProof && !e.aged && len(e.touches) == 0 && e.born >= c.expired
}

// giveUpWaiting returns the stale snapshot instead of waiting longer, or nil if
// there is none any more.
func (c *Cache) giveUpWaiting(q *query) *secret.Folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.outage.late(now)
	c.store.use(q.dir, now).slow.until = now.Add(slowFor)
	return c.showLate(q, now)
}

// settle says what the landed flight means to q; not ok: it settled nothing,
// look again.
func (c *Cache) settle(q *query, f *flight) (folder *secret.Folder, err error, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed:
		return nil, errClosed, true
	case f.born < c.purged || f.born < q.after:
		return nil, nil, false
	case f.overtaken && !q.again:
		q.again = true // the second time its answer is good enough: the write came after the call
		return nil, nil, false
	case f.tree && bulkOnly(f.err):
		q.noTree = true
		return nil, nil, false
	case f.err == nil:
		c.watchOver(c.store.use(q.dir, now), now)
		aged := f.completes() && !now.Before(f.folder.Fetched.Add(c.cfg.TTL))
		if len(f.touches) > 0 && f.touches[0].number <= q.touched && c.store.use(q.dir, now).touched() {
			return nil, nil, false // it may have been answered before a change that came before the call
		}
		return f.folder, nil, c.enough(f.folder, q.need) && !aged
	case decided(f.err):
		return nil, f.err, true
	}
	if f.tree {
		c.store.use(q.dir, now).fail(now, f.err)
	}
	if folder := c.showLate(q, now); folder != nil && (q.need != secret.NeedProof || away(f.err)) {
		return folder, nil, true
	}
	return nil, f.err, true
}

// showLate returns what may be shown although the server did not answer.
func (c *Cache) showLate(q *query, now time.Time) *secret.Folder {
	folder := c.show(c.store.use(q.dir, now), q.need, now)
	if folder != nil && folder.Stale {
		c.stats.Stale++
	}
	return folder
}

// decided reports whether err is the server's decision, which no snapshot may
// contradict, as opposed to our not getting through to it.
func decided(err error) bool {
	return errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrUnauthenticated)
}
