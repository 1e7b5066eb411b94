package cache

import (
	"errors"
	"math/rand/v2"
	"time"

	"infisicalfs/secret"
)

// watch is the polling of folders that are in use, so that changes of them are told
// although nobody asks. There is one timer for all. When it fires, a round
// asks for what is due, one request after another: so there are never two polls
// at once, and one that takes long only puts off the next round.
//
// A poll is a flight that no caller waits for: callers may join it, it completes
// like any other, and it does not count as use. [Cache.mu] guards all fields.
type watch struct {
	timer    *time.Timer // set unless nothing is watched or a round is under way
	round    bool        // is under way
	rest     time.Time   // no polls until then, because one failed
	interval time.Duration
	slowed   time.Time // when interval was doubled last
	polls    int64
}

func (w *watch) stop() {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// slack is by how much polls are early: by chance, so that many mounts do not
// ask in step, and so that folders which are due at about the same time are
// asked for together.
func (w *watch) slack() time.Duration { return w.interval / 10 }

// watchOver notes that a caller was shown e's folder. One whose secrets were
// never allowed to be seen is not worth a denial with each poll, and of one that was only
// passed through nothing is shown that could change.
func (c *Cache) watchOver(e *entry, now time.Time) {
	if c.cfg.Watch == WatchOff || !e.dir.IsFolder() || e.snap != nil && (e.snap.Denied != nil || e.snap.NoSecrets) {
		return
	}
	e.shown = true
	if c.watch.timer == nil && !c.watch.round {
		c.wakeAt(c.nextPoll(e), now)
	}
}

// watchLife is how long after its use e's folder is watched; zero: not at all.
func (c *Cache) watchLife(e *entry) time.Duration {
	switch {
	case !e.shown:
		return 0
	case c.cfg.Watch == WatchAlways:
		return forever
	}
	return c.cfg.WatchFor
}

// watched reports whether e's folder is polled. It is while whoever may hold it
// is being asked.
func (c *Cache) watched(e *entry, now time.Time) bool {
	return e.askingHolders || now.Before(e.used.Add(c.watchLife(e)))
}

func (c *Cache) nextPoll(e *entry) time.Time { return e.asked.Add(c.watch.interval) }

func (c *Cache) due(e *entry, now time.Time) bool {
	return c.watched(e, now) && !now.Before(c.nextPoll(e).Add(-c.watch.slack()))
}

// wakeAt sets the timer for a round at about that time.
func (c *Cache) wakeAt(at, now time.Time) {
	slack := c.watch.slack()
	wait := max(at.Sub(now), slack) - rand.N(slack)
	c.watch.timer = time.AfterFunc(max(wait, slack), c.wake)
}

func (c *Cache) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.watch.timer == nil {
		return
	}
	c.watch.timer, c.watch.round = nil, true
	c.wg.Go(c.pollRound)
}

// pollRound polls what is due, as far as the server lets it.
func (c *Cache) pollRound() {
	failed := c.pollAll(c.planRound())
	c.endRound(c.up.Crowded(), failed)
}

// pollAll ends early if a poll failed in a way in which the others would too.
func (c *Cache) pollAll(r round) (failed bool) {
	for _, dir := range r.due {
		for { // again, if a bulk request left it open
			f := c.poll(dir, r)
			if f == nil {
				break
			}
			<-f.done
			if unreachable(f.err) || errors.Is(f.err, secret.ErrUnauthenticated) {
				return true
			}
		}
	}
	return false
}

// endRound decides when the next round is.
func (c *Cache) endRound(crowded, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, now := &c.watch, time.Now()
	w.round = false
	if c.closed {
		return
	}
	switch {
	case !crowded:
		w.interval = c.cfg.WatchInterval
	case now.Sub(w.slowed) >= max(w.interval/2, limitWindow): // not for each of several rounds, and not before it can have helped
		w.interval = max(c.cfg.WatchInterval, min(2*w.interval, maxWatchInterval))
		w.slowed = now
	}
	if failed {
		w.rest = now.Add(w.interval)
	}
	next := c.soonestPoll(now)
	if next.IsZero() {
		return // the next caller starts it again
	}
	if next.Before(w.rest) {
		next = w.rest.Add(w.slack()) // not early: the limit has to be another minute's
	}
	c.wakeAt(next, now)
}

// soonestPoll is when the first of what is watched is due; zero: nothing is watched.
func (c *Cache) soonestPoll(now time.Time) (soonest time.Time) {
	for _, e := range c.store.entries {
		if at := c.nextPoll(e); c.watched(e, now) && (soonest.IsZero() || at.Before(soonest)) {
			soonest = at
		}
	}
	return soonest
}
