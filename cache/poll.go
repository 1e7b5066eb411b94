package cache

import (
	"errors"
	"slices"
	"time"

	"infisicalfs/secret"
)

// round is what one round of polling has to do.
type round struct {
	due   []secret.Dir         // who was asked for longest ago comes first
	areas map[secret.Dir]*area // by what they are areas of
}

// area is what is watched in one environment, or in what is shown of it.
type area struct {
	top     secret.Dir // the deepest folder that holds it all
	folders int
}

// planRound looks once at everything, so that the polls need not.
func (c *Cache) planRound() round {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	r := round{areas: map[secret.Dir]*area{}}
	for dir, e := range c.store.entries {
		if !c.watched(e, now) {
			continue
		}
		key := c.area(dir)
		if a := r.areas[key]; a == nil {
			r.areas[key] = &area{top: dir, folders: 1}
		} else {
			a.top = common(a.top, dir)
			a.folders++
		}
		if c.due(e, now) {
			r.due = append(r.due, dir)
		}
	}
	slices.SortFunc(r.due, func(a, b secret.Dir) int {
		return c.store.entries[a].asked.Compare(c.store.entries[b].asked)
	})
	return r
}

// poll starts the request that dir is due for: for all that is watched in its
// environment, or for itself. Nil: it is not due any longer, or being asked for.
func (c *Cache) poll(dir secret.Dir, r round) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	e := c.store.entries[dir]
	if c.closed || e == nil || !c.due(e, now) || c.ban.holds(now) {
		return nil
	}
	f := c.newFlight(dir, now)
	f.poll = true
	b, a := c.bulkOf(dir), r.areas[c.area(dir)]
	if a != nil && a.folders > 1 && c.pollsBulk(b, a, now) {
		f.dir, f.bulk = a.top, true
		f.parts = c.unchanged(b, a.top, now)
	}
	if c.underWay(f) {
		return nil
	}
	if f.bulk {
		b.polledAt = now
	} else {
		f.known = c.known(e, secret.NeedProof, now)
	}
	c.watch.polls++
	c.outage.probeWith(f)
	c.start(f)
	return f
}

// underWay reports whether what f is about is being asked for already: an older
// answer must not be taken in after f's.
func (c *Cache) underWay(f *flight) bool {
	for dir := range c.fetch {
		if dir == f.dir || f.bulk && covers(f.dir, dir) {
			return true
		}
	}
	for other := range c.bulkFlights {
		if covers(other.dir, f.dir) || covers(f.dir, other.dir) {
			return true
		}
	}
	return false
}

// pollsBulk reports whether an area is polled in bulk: once per interval; what
// the answer leaves open is asked for folder by folder.
func (c *Cache) pollsBulk(b *bulk, a *area, now time.Time) bool {
	_, below := c.rootOver(a.top)
	return below && !now.Before(b.inexactUntil) &&
		!now.Before(b.polledAt.Add(c.watch.interval-c.watch.slack()))
}

// unchanged returns the folders on which a bulk request for top may be
// conditional: all that is retained of the last answer. There are none if
// something that is watched has another origin, as it would not be confirmed
// (unless no such answer tells of it), or if the answer is too old to be confirmed again.
func (c *Cache) unchanged(b *bulk, top secret.Dir, now time.Time) (parts []*secret.Folder) {
	if b.revision == "" || b.revisionOf != top {
		return nil
	}
	for dir, e := range c.store.entries {
		if !covers(top, dir) {
			continue
		}
		s := e.snap
		origin := s != nil && s.Revision == b.revision && s.Partial && !e.invalid && !e.holes
		switch {
		case e.dependent, len(e.unclear) > 0, origin && now.Sub(s.Answered) > c.cfg.TrustNotModified:
			return nil
		case origin:
			parts = append(parts, s)
		case c.watched(e, now) && !e.notInBulk:
			return nil
		}
	}
	return parts
}

// putOff reports whether f is a poll that the rate limit left no room for. That
// is no failure: nobody waited, and the server is not away.
func (f *flight) putOff() bool {
	return f.poll && f.waiting.Load() == 0 && errors.Is(f.err, secret.ErrRateLimited)
}
