package cache

import (
	"time"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// query is one call of Folder. Its fields belong to the caller's goroutine.
type query struct {
	part   *Part
	dir    secret.Dir
	need   secret.Need
	after  uint64 // answers of flights born before this clock are too old
	noBulk bool   // a bulk answer left it open
	noBare bool   // so did one about folders alone
	waited bool   // for a flight: not a hit

	started     bool   // changesThen is set
	changesThen uint64 // the number of the last change of ours before the call

	overtakenOnce bool // a flight's answer may have been older than a change here
}

// bulk reports whether a bulk answer may serve q.
func (q *query) bulk() bool { return q.need != secret.NeedProof && !q.noBulk }

// step is what next tells a caller to do: return folder or err, or wait.
type step struct {
	folder *secret.Folder
	err    error
	// flight is to be waited for until softDeadline, when there is something to show
	// instead; zero: until it ends.
	flight       *flight
	softDeadline time.Time
	// survey is to be waited for, and then asked again.
	survey *survey
	// after has to be delivered before folder or err is returned.
	after *notice
}

// next decides how q goes on. A flight that it returns counts the caller as
// waiting.
func (c *Cache) next(q *query) step {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.closed || q.part.closed {
		return step{err: errClosed}
	}
	if !q.waited {
		q.after = c.expired
	}
	if !q.started {
		q.started, q.changesThen = true, c.changes
	}
	if c.ban.holds(now) {
		return step{err: c.ban.err, after: c.revocation(c.ban.err)}
	}
	e := c.store.use(q.dir, now)
	if err := e.recentVerdict(now, c.cfg.TTL-q.part.ttl); err != nil {
		return step{err: err, after: c.revocation(err)}
	}
	shown := c.showTo(q, e, now)
	if shown != nil && len(e.unclear) > 0 {
		if s := c.surveyFor(e, now); s != nil {
			return step{survey: s}
		}
		shown = c.showTo(q, e, now) // as what it depends on is clear now
	}
	if shown == nil {
		return c.withNothing(q, e, now)
	}
	c.watchOver(e, now)
	if shown.Stale {
		return c.withStale(q, e, shown, now)
	}
	if !q.waited {
		c.stats.Hits++
	}
	return step{folder: shown, after: c.revocation(shown.Denied)}
}

// fresh is next for whoever takes nothing but what is at hand.
func (c *Cache) fresh(q *query) *secret.Folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	e := c.store.entries[q.dir]
	if c.closed || q.part.closed || c.ban.holds(now) || e == nil || e.recentVerdict(now, c.cfg.TTL-q.part.ttl) != nil {
		return nil
	}
	shown := c.showTo(q, e, now)
	if shown == nil || shown.Stale || shown.Denied != nil || len(e.unclear) > 0 {
		return nil
	}
	c.store.use(q.dir, now)
	c.watchOver(e, now)
	c.stats.Hits++
	return shown
}

// withNothing says what a caller does to whom nothing can be shown.
func (c *Cache) withNothing(q *query, e *entry, now time.Time) step {
	if err := c.recentFailure(e, now); err != nil {
		return step{err: err}
	}
	c.missed(q)
	return step{flight: c.join(q, e, now)}
}

func (c *Cache) missed(q *query) {
	if !q.waited {
		c.stats.Misses++
	}
}

// answer says what the flight, which is done, means to q; not ok: nothing, look
// again.
func (c *Cache) answer(q *query, f *flight) (folder *secret.Folder, err error, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed || q.part.closed:
		return nil, errClosed, true
	case f.born < c.purged || f.born < q.after:
		return nil, nil, false
	case f.overtaken && !q.overtakenOnce:
		q.overtakenOnce = true // the second time its answer is good enough: the write came after the call
		return nil, nil, false
	case f.bare && bulkOnly(f.err):
		q.noBare = true
		return nil, nil, false
	case f.bulk && bulkOnly(f.err):
		q.noBulk = true
		return nil, nil, false
	case f.err == nil:
		e := c.store.use(q.dir, now)
		c.watchOver(e, now)
		if len(f.changes) > 0 && f.changes[0].Number <= q.changesThen && e.changedHere() {
			return nil, nil, false // it may have been answered before a change that came before the call
		}
		old := (f.onlySubfolders() || f.onlySecrets()) && !now.Before(f.folder.Fetched.Add(q.part.ttl))
		return f.folder, nil, snapshot.Serves(f.folder, q.need) && !old
	case isVerdict(f.err):
		return nil, f.err, true
	}
	if f.bulk {
		c.store.use(q.dir, now).fail(now, f.err)
	}
	if folder := c.standIn(q, now); folder != nil && (q.need != secret.NeedProof || away(f.err)) {
		return folder, nil, true
	}
	return nil, f.err, true
}
