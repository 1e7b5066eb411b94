package cache

import (
	"errors"
	"time"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// complete decides what f's outcome means to everybody; what it means to one caller is
// decided by answer. It returns the notice that f's callers have to come after, nil if
// there is none.
func (c *Cache) complete(f *flight) *notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.outbox.lastRevocation()
	now := time.Now()
	delete(c.bulkFlights, f)
	if c.fetch[f.dir] == f {
		delete(c.fetch, f.dir)
	}
	c.outage.completed(f)
	if !c.closed {
		c.noteContact(f, now)
		c.takeIn(f, now)
	}
	if last := c.outbox.lastRevocation(); last != before {
		return last
	}
	return c.revocation(f.err)
}

// noteContact notes what f's outcome says about the server, whatever was asked.
func (c *Cache) noteContact(f *flight, now time.Time) {
	inexact := errors.Is(f.err, secret.ErrInexact)
	if f.err == nil || isVerdict(f.err) || inexact {
		c.reached(now)
	}
	if f.putOff() {
		return
	}
	if f.err != nil && !inexact && !errors.Is(f.err, secret.ErrNotFound) {
		c.stats.LastError = f.failure(now)
	}
	if e := c.store.entries[f.dir]; e != nil && !f.bulk {
		e.asked = now
	}
}

// takeIn changes what is shown. What takes something away counts whatever happened
// meanwhile; what shows something does not if it was asked for before a purge.
func (c *Cache) takeIn(f *flight, now time.Time) {
	notFound := errors.Is(f.err, secret.ErrNotFound)
	switch {
	case errors.Is(f.err, secret.ErrUnauthenticated):
		c.purge(f.err, now)
	case f.putOff():
	case errors.Is(f.err, secret.ErrDenied) && !f.bulk:
		c.deny(f.dir, f.err, now)
	case f.born < c.purged: // its callers ask again
	case f.bare:
		c.completeBare(f, now)
	case f.bulk:
		c.completeBulk(f, now)
	case f.overtaken && f.err == nil:
		f.folder = c.dates.Dated(f.folder, nil) // for those who asked before the change
	case f.overtaken && notFound:
	case f.err == nil:
		f.folder = c.bring(f, f.folder, now)
		c.markBrought(f, f.dir)
	case notFound:
		c.gone(f, now)
	default:
		c.store.get(f.dir, now).fail(now, f.err)
		c.failed(f, now)
	}
}

// bring publishes what a flight has brought.
func (c *Cache) bring(f *flight, folder *secret.Folder, now time.Time) *secret.Folder {
	e := c.store.get(folder.Dir, now)
	old := snapshot.Compared(e.snap, folder)
	folder, names := c.publish(folder, f.born, now, nil)
	if f.onlySecrets() {
		e.ownList = folder.Denied == nil
	}
	e.slow = backoff{}
	e.flight = f.number
	if old != nil {
		c.see(f, old, folder, names)
	}
	return folder
}

// publish makes folder what everybody sees, and returns it as it was published, with the names
// under which it may differ from what was seen so far. Who knows them gives them; with nil
// they are looked for, once for all who want to know.
func (c *Cache) publish(folder *secret.Folder, born uint64, now time.Time, names []string) (*secret.Folder, []string) {
	e := c.store.get(folder.Dir, now)
	old, revoked := snapshot.Compared(e.snap, folder), e.revoked
	folder = c.dates.Dated(folder, old)
	var gone []string
	switch {
	case old == nil:
	case names == nil:
		names = snapshot.Differing(old, folder)
	default: // it is edited
		gone = snapshot.Gone(old, folder, names)
	}
	c.store.put(e, folder, born)
	e.forgetErrors()
	if !folder.Partial {
		e.ownList = folder.Denied == nil
	}
	c.ban = ban{}
	switch {
	case revoked && folder.Denied == nil: // it is shown again
		c.bulkOf(folder.Dir).inexactUntil = time.Time{} // it may have been for want of that right
		c.notify(secret.Change{Dir: folder.Dir, New: folder})
	case folder.Denied != nil && (old == nil || old.Denied == nil):
		c.exclude(e)
		c.stats.Purges++
		c.notify(secret.Change{Dir: folder.Dir, Err: folder.Denied, Old: old, New: folder})
	case old != nil && (old.Denied == nil) != (folder.Denied == nil):
		c.notify(secret.Change{Dir: folder.Dir, Old: old, New: folder})
	case old != nil && !snapshot.SameAt(old, folder, names):
		c.notify(secret.Change{Dir: folder.Dir, Old: old, New: folder, Names: names, Gone: gone})
	}
	return folder, names
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
		c.notify(secret.Change{Dir: f.dir, Deep: true, Old: old})
	}
	until := now.Add(c.cfg.TTL)
	if f.born < c.expired {
		until = now // it may have been created since
	}
	c.keepVerdict(e, f.err, until)
}
