package cache

import (
	"time"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// standing is what a snapshot is worth. When it gets stale, what stale means, and when
// that ends, is decided in this file and nowhere else.
//
//	standing   callers get it                      while
//	fresh      at once, without a request          younger than TTL, and nothing speaks against it
//	stale      marked, if the server does not      younger than TTL + MaxStale
//	           answer first (see withStale)
//	unusable   never                               older, or there is none
//
// Fresh gets stale: when TTL has passed, by Expire, and by a change of ours that it
// may show something of (suspect, unclear).
//
// Stale ends in one of four ways:
//   - the server answers: what it sends, or confirms, is fresh (publish);
//   - the server says no: it does not exist, is denied, or nobody is logged in (gone,
//     deny, purge). The snapshot is dropped, and callers get the server's error;
//   - a change of ours shows that it is wrong (invalid): then an outage does not bring
//     it back either, and callers wait for an answer;
//   - MaxStale has passed after TTL: callers get the error of the last request.
type standing int

const (
	unusable standing = iota
	stale
	fresh
)

// standing says what e's snapshot is worth.
func (c *Cache) standing(e *entry, now time.Time) standing {
	switch {
	case e.snap == nil || e.invalid:
		return unusable
	case c.believed(e, now) && len(e.unclear) == 0:
		return fresh
	case now.Before(e.snap.Fetched.Add(c.cfg.TTL + c.cfg.MaxStale)):
		return stale
	}
	return unusable
}

// believed reports whether nothing speaks against e's snapshot, but for changes of
// which it is unclear whether it shows something of them.
func (c *Cache) believed(e *entry, now time.Time) bool {
	return e.snap != nil && !e.suspect && !e.invalid && e.born >= c.expired && now.Before(e.snap.Fetched.Add(c.cfg.TTL))
}

// doubt tells who keeps copies that e's snapshot may not be right any longer. What is
// right instead they are told when the server has been asked.
func (c *Cache) doubt(e *entry) {
	if e.snap != nil && !e.suspect && !e.invalid {
		c.notify(secret.Change{Dir: e.dir, Old: e.snap})
	}
}

// show returns e's snapshot if it serves the need, marked Stale if it is, else nil.
func (c *Cache) show(e *entry, need secret.Need, now time.Time) *secret.Folder {
	is := c.standing(e, now)
	switch {
	case is == unusable || !snapshot.Serves(e.snap, need):
		return nil
	case (e.holes || e.maybeDenied()) && need != secret.NeedEntry && need != secret.NeedFolder:
		return nil
	case is == stale:
		return e.snap.With(func(f *secret.Folder) { f.Stale = true })
	}
	return e.snap
}

// showTo is show for one caller.
func (c *Cache) showTo(q *query, e *entry, now time.Time) *secret.Folder {
	return q.part.newEnough(c.show(e, q.need, now), now)
}

// withStale says what a caller does for whom there is a stale snapshot: show it at
// once while the server is known not to answer, or to be slow with this folder; else
// ask, and show it when the soft deadline has passed.
func (c *Cache) withStale(q *query, e *entry, shown *secret.Folder, now time.Time) step {
	mayStandIn := c.mayStandIn(q, e)
	if mayStandIn && (e.retry.rests(now) || c.outage.rests(now)) {
		c.stats.Stale++
		return step{folder: shown}
	}
	c.missed(q)
	if mayStandIn && e.slow.rests(now) {
		if !c.asking(q.dir) {
			c.join(q, e, now).waiting.Add(-1) // nobody waits for it
		}
		c.stats.Stale++
		return step{folder: shown}
	}
	f := c.join(q, e, now)
	c.outage.probeWith(f)
	if !mayStandIn {
		return step{flight: f}
	}
	return step{flight: f, softDeadline: f.began.Add(c.cfg.SoftDeadline)}
}

// mayStandIn reports whether a stale snapshot of e may answer q before the server
// does. A server that is slow, and not known not to answer, has to be waited for by
// whoever wants to know that a name does not exist, was told to ask anew, or has
// changed what the snapshot shows.
func (c *Cache) mayStandIn(q *query, e *entry) bool {
	return c.outage.down() || away(e.failure) || q.need != secret.NeedProof && !e.changedHere() && e.born >= c.expired
}

// slowFor is how long stale snapshots of a folder are shown without waiting, if its
// list has taken too long. It is asked for all the same, one request at a time.
const slowFor = 10 * time.Second

// afterSoftDeadline returns what is shown to a caller who has waited long enough, or
// nil if there is nothing to show any more.
func (c *Cache) afterSoftDeadline(q *query) *secret.Folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.outage.late(now)
	c.store.use(q.dir, now).slow.until = now.Add(slowFor)
	return c.standIn(q, now)
}

// standIn returns what may be shown although the server did not answer.
func (c *Cache) standIn(q *query, now time.Time) *secret.Folder {
	folder := c.showTo(q, c.store.use(q.dir, now), now)
	if folder != nil && folder.Stale {
		c.stats.Stale++
	}
	return folder
}

// Expire makes everything stale from now on and drops nothing: the next caller
// of each folder has the server asked. What was remembered of failures,
// absences and denials is forgotten.
func (c *Cache) Expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	c.expired = c.clock
	c.ban = ban{}
	c.outage.retryNow()
	clear(c.bulk)
	c.store.forgetErrors()
	for _, g := range c.graphs {
		g.ForgetFailedSurveys()
	}
}
