package cache

import (
	"context"
	"slices"
	"time"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// Known is what a [Cache] knows of one folder, for another Cache that goes on in its
// place, over the same server and for the same identity.
type Known struct {
	Folder *secret.Folder // as its Cache has it; never marked Stale

	Used  time.Time // by a caller
	Asked time.Time // the server, for this folder, whatever came of it; may be zero
	Shown bool      // to a caller, so that it is watched

	OwnList   bool // the folder's own list was given last, so that it can be believed to be empty
	Suspect   bool // it is not fresh, however young, and may stand in for a server that is away
	Dependent bool // and has to be asked for in full
	Holes     bool // a name was taken out of it, under which an import may have come forth
}

// Export returns what may be shown of each folder now, what was used last first. It
// leaves out what a person alone is shown (overrides): who logs in next under the same
// name need not be that person. What was denied and what does not exist is asked for anew.
func (c *Cache) Export() []Known {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.closed || c.ban.err != nil {
		return nil
	}
	list := make([]Known, 0, c.store.snapshots)
	for elem := c.store.order.Front(); elem != nil; elem = elem.Next() {
		e := elem.Value.(*entry)
		if e.verdict != nil || c.standing(e, now) == unusable || e.snap.NoSecrets || slices.ContainsFunc(e.snap.Secrets, isPersonal) {
			continue
		}
		unclear := len(e.unclear) > 0
		list = append(list, Known{
			Folder: e.snap,
			Used:   e.used, Asked: e.asked, Shown: e.shown,
			OwnList:   e.ownList,
			Suspect:   e.suspect || unclear || e.born < c.expired,
			Dependent: e.dependent || unclear,
			Holes:     e.holes,
		})
	}
	return list
}

func isPersonal(s secret.Secret) bool { return s.Personal }

// Import takes in what another Cache knew, and returns how many folders that were: each
// is as old as it was there, and is shown for as long as it would have been there. Nobody
// is told of it. What this Cache knows itself counts more; where both know a folder, and
// not in the same way, the next caller has the server asked; if only the other knew the whole of
// it, that is kept. Nothing is taken in once the
// server has refused the login.
func (c *Cache) Import(list []Known) (taken int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.closed || c.purged > 0 {
		return 0
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Known) int { return b.Used.Compare(a.Used) })
	for _, k := range list {
		if c.importOne(k, now) {
			taken++
		}
	}
	if taken > 0 {
		c.store.rearm(now)
		c.watchImported(now)
	}
	return taken
}

// importOne takes in what is known of one folder, used before all that is here.
func (c *Cache) importOne(k Known, now time.Time) bool {
	if !now.Before(k.Folder.Fetched.Add(c.cfg.TTL + c.cfg.MaxStale)) {
		return false
	}
	e := c.store.entries[k.Folder.Dir]
	if e != nil {
		same := e.snap != nil && !e.invalid && snapshot.Same(e.snap, k.Folder)
		if e.snap != nil && !e.invalid && !same {
			e.suspect = true
		}
		whole := same && e.snap.Partial && snapshot.Serves(k.Folder, secret.NeedProof) && !k.Suspect && !k.Holes && now.Before(k.Folder.Fetched.Add(c.cfg.TTL))
		if e.snap != nil && !whole || e.verdict != nil || e.revoked {
			return false
		}
	} else if e = c.store.append(k.Folder.Dir, k.Used); e == nil {
		return false
	}
	c.store.put(e, k.Folder, 0)
	e.ownList, e.suspect, e.dependent, e.holes = k.OwnList, k.Suspect, k.Dependent, k.Holes
	e.shown = e.shown || k.Shown && c.cfg.Watch != WatchOff
	if k.Asked.After(e.asked) {
		e.asked = k.Asked
	}
	return c.store.entries[e.dir] == e // else there was no room for it
}

// watchImported has what is watched be polled when it is due.
func (c *Cache) watchImported(now time.Time) {
	if c.watch.timer != nil || c.watch.round {
		return // which looks at everything
	}
	if next := c.soonestPoll(now); !next.IsZero() {
		c.wakeAt(next, now)
	}
}

// Knows reports whether there is something to show of dir, be it that the server does not
// answer. Nobody is asked.
func (c *Cache) Knows(dir secret.Dir) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.store.entries[dir]
	return !c.closed && e != nil && c.standing(e, time.Now()) != unusable
}

// Confirm asks the server for dir, in the background and however fresh it is, so that a refusal
// is heard of: it takes away what was imported as any other does. The error is the
// server's, or ctx's.
func (c *Cache) Confirm(ctx context.Context, dir secret.Dir) error {
	f := c.confirm(dir)
	if f == nil {
		return errClosed
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Cache) confirm(dir secret.Dir) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	if f := c.fetch[dir]; f != nil {
		return f
	}
	now := time.Now()
	f := c.newFlight(dir, now)
	f.poll = true
	f.known = c.known(c.store.get(dir, now), secret.NeedProof, now)
	c.start(f)
	return f
}
