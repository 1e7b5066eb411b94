package cache

import (
	"errors"
	"path"
	"slices"
	"time"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// bulk is what decides whether an environment is asked for in bulk, by one request for
// a folder and all that is below it. [Cache.mu] guards it.
type bulk struct {
	missed   secret.Dir // the folder missed last, or what holds the last two
	missedAt time.Time

	answered   secret.Dir // what the last bulk answer was about: it need not be asked for again
	answeredAt time.Time

	inexactUntil time.Time // bulk requests do not work here

	bareInexactUntil time.Time // requests for folders alone do not work here

	polledAt   time.Time  // when a poll made a bulk request
	revisionOf secret.Dir // what the last answer was about that the next may be conditional on
	revision   string     // of that answer; empty: it had none
}

// environment returns the topmost folder of dir's environment. To the lists of
// projects and of environments it is the root, for all of them.
func environment(dir secret.Dir) secret.Dir {
	if !dir.IsFolder() {
		return secret.Dir{}
	}
	return secret.Dir{Project: dir.Project, Env: dir.Env, Path: "/"}
}

// bulkOf returns the state of dir's area; the lists of projects and of
// environments share one, as one answer brings them all.
func (c *Cache) bulkOf(dir secret.Dir) *bulk {
	key := c.area(dir)
	b := c.bulk[key]
	if b == nil {
		if len(c.bulk) >= maxEnvironments {
			clear(c.bulk) // costs requests, nothing else
		}
		b = &bulk{}
		c.bulk[key] = b
	}
	return b
}

// bulkOver returns a bulk request under way that will answer q; one for folders alone if
// bare says that it will do.
func (c *Cache) bulkOver(q *query, bare bool) *flight {
	for f := range c.bulkFlights {
		if (!f.bare && q.bulk() || f.bare && bare) && f.born >= q.after && covers(f.dir, q.dir) && !slices.Contains(f.changedDirs, q.dir) {
			return f
		}
	}
	return nil
}

// covers reports whether a bulk answer for top speaks of dir: the answer for all
// projects ends with their environments.
func covers(top, dir secret.Dir) bool {
	return top.Contains(dir) && top.IsFolder() == dir.IsFolder()
}

// planBulk decides whether q is better asked for in bulk, and from where. A
// program that lists a folder, or wants a second one that is not on the way to
// the first, is likely to be on a walk; a single cat is not.
func (c *Cache) planBulk(q *query, e *entry, now time.Time) (top secret.Dir, ok bool) {
	if !q.bulk() || !q.part.root.Contains(q.dir) {
		return top, false
	}
	b := c.bulkOf(q.dir)
	useful := !now.Before(b.inexactUntil) && !(covers(b.answered, q.dir) && now.Before(b.answeredAt.Add(q.part.ttl)))
	if !q.dir.IsFolder() {
		return secret.Dir{}, useful && q.part.root == secret.Dir{}
	}
	listing := q.need == secret.NeedListing
	own := e.snap != nil && !e.snap.Partial // can be confirmed by a cheap request
	if own && !listing {
		return top, false
	}
	top = q.dir
	another := now.Before(b.missedAt.Add(c.cfg.TTL)) && !b.missed.Contains(q.dir) && !q.dir.Contains(b.missed)
	if another {
		top = common(b.missed, q.dir)
		if !q.part.root.Contains(top) {
			top = q.part.root // somebody else missed the other one
		}
	}
	b.missed, b.missedAt = top, now
	return top, useful && (another || listing && !own)
}

// wantsBare decides whether q is to ask for folders without their secrets first: for who is on
// his way to something below, and for a walk where there is no bulk answer with secrets.
func (c *Cache) wantsBare(q *query, e *entry, now time.Time) bool {
	if q.noBare || !q.dir.IsFolder() || !q.part.root.Contains(q.dir) || e.revoked {
		return false
	}
	b := c.bulkOf(q.dir)
	if now.Before(b.bareInexactUntil) {
		return false
	}
	if q.need == secret.NeedFolder {
		return e.snap == nil || e.snap.NoSecrets
	}
	return q.need == secret.NeedListing && e.snap == nil && now.Before(b.inexactUntil)
}

// completeBare publishes folders without secrets where nothing else is known.
func (c *Cache) completeBare(f *flight, now time.Time) {
	switch {
	case f.err == nil:
		for _, folder := range f.folders {
			if c.admits(f, folder, now) {
				c.bring(f, folder, now)
			}
		}
	case errors.Is(f.err, secret.ErrInexact):
		c.bulkOf(f.dir).bareInexactUntil = now.Add(inexactMemory)
	case !bulkOnly(f.err):
		c.failed(f, now)
	}
}

// common returns the deepest folder that holds both, which are folders of one
// environment.
func common(a, b secret.Dir) secret.Dir {
	for !a.Contains(b) {
		a.Path = path.Dir("/" + a.Path)
	}
	return a
}

// completeBulk publishes what a bulk answer brought, or notes that there is none.
func (c *Cache) completeBulk(f *flight, now time.Time) {
	b := c.bulkOf(f.dir)
	if f.born < c.expired {
		b = &bulk{} // what it brings is stale already, so ask again
	}
	var brought []secret.Dir
	switch {
	case f.err == nil:
		for _, folder := range f.folders {
			if c.admits(f, folder, now) {
				c.bring(f, folder, now)
				c.store.get(folder.Dir, now).asked = now
				brought = append(brought, folder.Dir)
			}
		}
		c.markBrought(f, brought...)
		c.noteLeftOut(f)
		b.revisionOf, b.revision = f.dir, ""
		if len(f.folders) > 0 && f.folders[0].Partial {
			b.revision = f.folders[0].Revision
		}
		if !f.poll { // which skips what nobody uses
			b.answered, b.answeredAt = f.dir, now
		}
	case errors.Is(f.err, secret.ErrNotFound):
		b.answered, b.answeredAt = f.dir, now // nothing to learn in bulk
	case errors.Is(f.err, secret.ErrInexact), errors.Is(f.err, secret.ErrDenied):
		b.inexactUntil = now.Add(inexactMemory)
	default:
		if errors.Is(f.err, secret.ErrTimeout) {
			b.inexactUntil = now.Add(c.cfg.TTL) // maybe too much at once
		}
		c.failed(f, now)
	}
}

// noteLeftOut notes which folders a bulk answer does not tell of. One that says that
// nothing changed has only what it was asked about.
func (c *Cache) noteLeftOut(f *flight) {
	if len(f.parts) > 0 && len(f.folders) > 0 && f.folders[0].Revision == f.parts[0].Revision {
		return
	}
	included := make(map[secret.Dir]bool, len(f.folders))
	for _, folder := range f.folders {
		included[folder.Dir] = true
	}
	for dir, e := range c.store.entries {
		if covers(f.dir, dir) {
			e.notInBulk = !included[dir]
		}
	}
}

// admits reports whether a folder out of a bulk answer may be published. It
// proves no absence, so it must not hide what is known: then the folder's own
// list has to tell.
func (c *Cache) admits(f *flight, folder *secret.Folder, now time.Time) bool {
	if folder == nil || !covers(f.dir, folder.Dir) {
		return false
	}
	for _, dir := range f.excluded {
		if dir.Contains(folder.Dir) {
			return false
		}
	}
	if slices.Contains(f.changedDirs, folder.Dir) {
		return false
	}
	e := c.store.entries[folder.Dir]
	switch {
	case e == nil:
		return !f.poll
	case folder.NoSecrets && (e.revoked || e.snap != nil && !e.snap.NoSecrets):
		return false
	case folder.Partial && len(folder.Secrets) == 0 && (e.revoked || e.snap != nil && e.snap.Denied != nil):
		return false // bulk answers leave out what is denied
	case e.snap != nil && e.snap.Answered.After(f.began):
		return false // what came meanwhile was decided later, or may have been
	case e.snap == nil, !folder.Partial:
		return true
	case f.poll: // what is known has served its time, unless it came meanwhile
		return !e.asked.After(f.began) && !snapshot.Lacks(folder, e.snap)
	}
	if knowsMore := !e.snap.Partial || folder.NoSubfolders && !e.snap.NoSubfolders; knowsMore && c.standing(e, now) == fresh {
		return false
	}
	return !snapshot.Lacks(folder, e.snap)
}

// bulkOnly reports whether a bulk request's outcome leaves it to the folder's
// own request to decide.
func bulkOnly(err error) bool {
	return err == nil || errors.Is(err, secret.ErrInexact) || errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied)
}
