package cache

import (
	"log/slog"
	"time"

	"infisicalfs/secret"
)

// What the server denies is shown no longer: one folder (deny), or everything if it
// does not know us (purge). Callers get the same answer for denialMemory without a
// request; who shows what was denied is told before they are (notify.go).

// deny is the server's word that dir may not be seen. The folders below it may
// be allowed all the same.
func (c *Cache) deny(dir secret.Dir, err error, now time.Time) {
	e := c.store.get(dir, now)
	c.store.put(e, nil, 0)
	e.revoked, e.ownList = e.shown, false
	c.keepVerdict(e, err, now.Add(denialMemory))
	c.stats.Purges++
	c.notify(secret.Change{Dir: dir, Err: err})
	c.log(slog.LevelWarn, "permission denied, the folder is no longer shown", "dir", dir.String())
}

// keepVerdict remembers that e's folder does not exist, or is denied, which answers
// under way must not undo.
func (c *Cache) keepVerdict(e *entry, err error, until time.Time) {
	e.forgetErrors()
	e.verdict, e.verdictUntil = err, until
	c.exclude(e)
}

// exclude keeps bulk answers that are under way from showing e's folder.
func (c *Cache) exclude(e *entry) {
	for f := range c.bulkFlights {
		if f.dir.Contains(e.dir) {
			f.excluded = append(f.excluded, e.dir)
		}
	}
}

// purge is the server's word that our credentials are worthless: nothing is
// shown any longer, and nothing that was asked for before.
func (c *Cache) purge(err error, now time.Time) {
	if c.ban.holds(now) {
		return // one more answer that says the same; nothing was published since
	}
	c.clock++
	c.purged = c.clock
	again := c.ban.err != nil
	c.lose(now)
	c.forgetGraphs()
	clear(c.bulk)
	c.ban = ban{err: err, until: now.Add(denialMemory)}
	if again {
		return // nothing was published since
	}
	c.stats.Purges++
	c.notify(secret.Change{Deep: true, Err: err})
	c.log(slog.LevelWarn, "not logged in any longer, nothing is shown")
}

// ban remembers for a short while that the server does not know us.
type ban struct {
	err   error
	until time.Time
}

func (b ban) holds(now time.Time) bool { return now.Before(b.until) }

// lose takes everything away that is shown. What is watched goes on being
// watched, so that it comes back when the server lets it.
func (c *Cache) lose(now time.Time) {
	for _, e := range c.store.entries {
		if !c.watched(e, now) {
			c.store.remove(e)
			continue
		}
		c.store.put(e, nil, 0)
		e.forgetErrors()
		e.revoked = true
	}
}
