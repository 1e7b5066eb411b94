package cache

import (
	"errors"
	"log/slog"
	"time"

	"infisicalfs/secret"
)

// land decides what f's outcome means to everybody. It returns the news that f's
// callers have to come after, nil if there are none.
func (c *Cache) land(f *flight) *piece {
	c.mu.Lock()
	defer c.mu.Unlock()
	earlier := c.news.lastTaken()
	c.takeIn(f)
	if last := c.news.lastTaken(); last != earlier {
		return last
	}
	return c.denied(f.err)
}

func (c *Cache) takeIn(f *flight) {
	now := time.Now()
	delete(c.trees, f)
	if c.fetch[f.dir] == f {
		delete(c.fetch, f.dir)
	}
	c.outage.landed(f)
	if c.closed {
		return
	}
	if f.err == nil || decided(f.err) || errors.Is(f.err, secret.ErrInexact) {
		c.reached(now)
	}
	if f.err != nil && !errors.Is(f.err, secret.ErrInexact) && !errors.Is(f.err, secret.ErrNotFound) && !f.putOff() {
		c.stats.LastError = f.failure(now)
	}
	if e := c.store.entries[f.dir]; e != nil && !f.tree && !f.putOff() {
		e.checked = now
	}
	void := f.born < c.purged

	// What takes something away counts whatever happened meanwhile; what shows
	// something does not if it was asked for before a purge.
	switch {
	case errors.Is(f.err, secret.ErrUnauthenticated):
		c.purge(f.err, now)
	case f.putOff():
	case errors.Is(f.err, secret.ErrDenied) && !f.tree:
		c.deny(f.dir, f.err, now)
	case void: // its callers ask again
	case f.tree:
		c.landTree(f, now)
	case f.overtaken && f.err == nil:
		f.folder = dated(f.folder, nil) // for those who asked before the change
	case f.overtaken && errors.Is(f.err, secret.ErrNotFound):
	case f.err == nil:
		f.folder = c.bring(f, f.folder, now)
		c.judgeFlight(f, f.dir)
	case errors.Is(f.err, secret.ErrNotFound):
		c.gone(f, now)
	default:
		c.store.get(f.dir, now).fail(now, f.err)
		c.failed(f, now)
	}
}

// bring publishes what a flight has brought.
func (c *Cache) bring(f *flight, folder *secret.Folder, now time.Time) *secret.Folder {
	e := c.store.get(folder.Dir, now)
	old := e.snap
	folder = c.publish(folder, f.born, now, nil)
	e.slow = backoff{}
	e.answer = f.number
	if old != nil && !same(old, folder) {
		c.hears(f, folder.Dir, old, folder)
	}
	return folder
}

// publish makes folder what everybody sees, and returns it as it was published.
// Names says where it may differ from what is seen so far; nil: everywhere.
func (c *Cache) publish(folder *secret.Folder, born uint64, now time.Time, names []string) *secret.Folder {
	e := c.store.get(folder.Dir, now)
	old, lost := e.snap, e.lost
	folder = dated(folder, old)
	c.store.put(e, folder, born)
	e.forgetErrors()
	if !folder.Partial {
		e.vouched = folder.Denied == nil
	}
	c.ban = ban{}
	switch {
	case lost && folder.Denied == nil: // it is shown again
		c.noteOf(folder.Dir).inexactUntil = time.Time{} // it may have been for want of that right
		c.change(secret.Change{Dir: folder.Dir, New: folder})
	case folder.Denied != nil && (old == nil || old.Denied == nil):
		c.bar(e)
		c.stats.Purges++
		c.change(secret.Change{Dir: folder.Dir, Err: folder.Denied, Old: old, New: folder})
	case old != nil && names != nil:
		if !sameAt(old, folder, names) {
			c.change(secret.Change{Dir: folder.Dir, Old: old, New: folder, Names: names})
		}
	case old != nil && !same(old, folder):
		c.change(secret.Change{Dir: folder.Dir, Old: old, New: folder})
	}
	return folder
}

// gone is the server's word that f's folder does not exist: what was known of
// it and of everything below goes, and it is not asked for again within a TTL.
func (c *Cache) gone(f *flight, now time.Time) {
	e := c.store.get(f.dir, now)
	old := e.snap
	if old != nil || e.shown {
		for dir, below := range c.store.entries {
			if f.dir.Contains(dir) {
				c.store.put(below, nil, 0)
				below.shown = false
			}
		}
	}
	if old != nil {
		c.change(secret.Change{Dir: f.dir, Deep: true, Old: old})
	}
	until := now.Add(c.cfg.TTL)
	if f.born < c.expired {
		until = now // it may have been created since
	}
	c.refuse(e, f.err, until)
}

// deny is the server's word that dir may not be seen. The folders below it may
// be allowed all the same.
func (c *Cache) deny(dir secret.Dir, err error, now time.Time) {
	e := c.store.get(dir, now)
	c.store.put(e, nil, 0)
	e.lost, e.vouched = e.shown, false
	c.refuse(e, err, now.Add(denialMemory))
	c.stats.Purges++
	c.change(secret.Change{Dir: dir, Err: err})
	c.log(slog.LevelWarn, "permission denied, the folder is no longer shown", "dir", dir.String())
}

// refuse remembers the refusal, which answers under way must not undo.
func (c *Cache) refuse(e *entry, err error, until time.Time) {
	e.forgetErrors()
	e.refusal, e.refusedUntil = err, until
	c.bar(e)
}

// bar keeps bulk answers that are under way from showing e's folder.
func (c *Cache) bar(e *entry) {
	for f := range c.trees {
		if f.dir.Contains(e.dir) {
			f.barred = append(f.barred, e.dir)
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
	c.forgetTexts()
	clear(c.notes)
	c.ban = ban{err: err, until: now.Add(denialMemory)}
	if again {
		return // nothing was published since
	}
	c.stats.Purges++
	c.change(secret.Change{Deep: true, Err: err})
	c.log(slog.LevelWarn, "not logged in any longer, nothing is shown")
}

// ban remembers for a short while that the server does not know us.
type ban struct {
	err   error
	until time.Time
}

func (b ban) holds(now time.Time) bool { return now.Before(b.until) }
