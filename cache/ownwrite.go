package cache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"infisicalfs/cache/internal/refgraph"
	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// edit is what a change does to a folder.
type edit struct {
	dir secret.Dir
	// apply returns the folder as it is now, or false if that is not certain.
	// Nil: the folder itself, with all that is below, has come or gone.
	apply snapshot.Edit
	// at are the secrets and subfolders that apply may change, nil if any.
	at []string
	// stored is the secret that was written, as it is stored; nil: none was.
	stored *secret.Secret
	// names are secrets that have another value now, or came or went (comes); moved
	// says that so may all that is in folders.
	names        []string
	comes, moved bool
	// to is where a folder that has gone is now, zero if nowhere.
	to secret.Dir
}

// change is what ed does to what refers to secrets.
func (ed edit) change() refgraph.Change {
	ch := refgraph.Change{Dir: ed.dir, All: ed.moved, Comes: ed.comes || ed.moved}
	for _, name := range ed.names {
		ch.Names = append(ch.Names, secret.HashName(name))
	}
	return ch
}

// wrote takes in the outcome of a change. It makes no request, and waits only if
// the change found out that nothing may be shown any longer, for OnChange to be told.
func (c *Cache) wrote(ctx context.Context, err error, edits ...edit) {
	dependents, before := c.takeInWrite(err, edits)
	if len(dependents) > 0 {
		c.cfg.OnDependents(dependents)
	}
	c.await(ctx, before)
}

func (c *Cache) takeInWrite(err error, edits []edit) (dependents []secret.Dir, before *notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed:
	case errors.Is(err, secret.ErrUnauthenticated):
		c.purge(err, now)
		return nil, c.revocation(err)
	case hadNoEffect(err):
	default:
		if err == nil {
			c.reached(now)
		}
		for _, ed := range edits {
			c.overtake(ed)
			switch {
			case err != nil:
				c.age(ed)
			case ed.apply == nil:
				c.uproot(ed.dir, ed.to, now)
			default:
				c.apply(ed, now)
			}
			if err == nil && ed.stored != nil {
				c.learn(ed.dir, ed.stored)
			}
		}
		for _, ed := range edits {
			dependents = append(dependents, c.changedSecrets(ed.change())...)
		}
	}
	return dependents, nil
}

// hadNoEffect reports whether a change certainly did nothing. Any other error
// may hide an effect, or shows that the snapshot is not up to date.
func hadNoEffect(err error) bool {
	for _, certain := range []error{secret.ErrInvalid, secret.ErrTooLarge, secret.ErrDenied, secret.ErrRateLimited} {
		if errors.Is(err, certain) {
			return true
		}
	}
	return false
}

// overtake keeps requests that are under way, and may have been answered before
// the change, from publishing what the change has made untrue.
func (c *Cache) overtake(ed edit) {
	below := ed.apply == nil
	for _, f := range c.fetch {
		if f.dir == ed.dir || below && ed.dir.Contains(f.dir) {
			f.overtaken = true
		}
	}
	for f := range c.trees {
		if below {
			f.excluded = append(f.excluded, ed.dir)
		} else if !slices.Contains(f.changedDirs, ed.dir) {
			f.changedDirs = append(f.changedDirs, ed.dir)
		}
	}
}

// age has the server asked by the next caller.
func (c *Cache) age(ed edit) {
	for dir, e := range c.store.entries {
		if dir == ed.dir || ed.apply == nil && ed.dir.Contains(dir) {
			c.doubt(e)
			e.suspect = true
			e.forgetAbsence()
		}
	}
}

// doubt tells who keeps copies that e's snapshot may not be right any longer. What is
// right instead they are told when the server has been asked.
func (c *Cache) doubt(e *entry) {
	if e.snap != nil && !e.suspect && !e.invalid {
		c.notify(secret.Change{Dir: e.dir, Old: e.snap})
	}
}

// uproot forgets all that was known at and below a folder that has come or gone.
// If it is called otherwise now, who watches it is told of changes there from now
// on.
func (c *Cache) uproot(top, to secret.Dir, now time.Time) {
	var old *secret.Folder
	var watched []*entry
	known := false
	for dir, e := range c.store.entries {
		if !top.Contains(dir) {
			continue
		}
		if dir == top {
			old = e.snap
		}
		known = known || e.snap != nil
		if e.shown && to.IsFolder() {
			watched = append(watched, e)
		}
		c.store.remove(e)
	}
	for _, e := range watched {
		c.transplant(e, secret.Dir{Project: to.Project, Env: to.Env, Path: to.Path + strings.TrimPrefix(e.dir.Path, top.Path)}, now)
	}
	if known {
		c.notify(secret.Change{Dir: top, Deep: true, Old: old})
	}
}

// transplant goes on watching e's folder under another name. What was known of it
// is what the next answer is compared with.
func (c *Cache) transplant(e *entry, to secret.Dir, now time.Time) {
	next := c.store.use(to, now)
	next.shown, next.asked = true, e.asked
	if e.snap == nil || e.invalid {
		return
	}
	c.store.put(next, e.snap.With(func(f *secret.Folder) { f.Dir, f.Revision = to, "" }), e.born)
	next.suspect, next.holes = true, e.holes
}

// apply edits the snapshot of a folder. It lives no longer for that, and the
// server cannot be asked whether it is unchanged.
func (c *Cache) apply(ed edit, now time.Time) {
	e := c.store.entries[ed.dir]
	if e == nil {
		return
	}
	e.forgetAbsence()
	if e.snap == nil || e.invalid {
		return
	}
	next, certain := ed.apply(e.snap)
	switch {
	case !certain:
		c.doubt(e)
		e.invalid = true
	case next != e.snap:
		next.Revision = ""
		was := *e
		c.publish(next, e.born, now, ed.at)
		e.suspect, e.holes = was.suspect, was.holes || next.Partial && !was.snap.Partial
		e.dependent, e.unclear, e.flight = was.dependent, was.unclear, was.flight
		e.refs = was.refs.Edited(was.snap, e.snap)
	}
}

// compare takes in what the server has of a secret.
func (c *Cache) compare(dir secret.Dir, name string, s secret.Secret, err error) {
	if err != nil && !errors.Is(err, secret.ErrNotFound) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if err == nil {
		c.learn(dir, &s)
	}
	e := c.store.entries[dir]
	if e == nil || e.snap == nil || e.snap.Denied != nil {
		return
	}
	shown, ok := e.snap.Secret(name)
	own := ok && shown.Import == nil
	agrees := !own
	if err == nil {
		agrees = own && (shown.Personal || shown.ID == s.ID && shown.Version >= s.Version)
	}
	if !agrees {
		ed := edit{dir: dir, apply: snapshot.Uncertain, names: []string{name}}
		c.overtake(ed)
		c.age(ed)
		c.changedElsewhere(ed.change(), 0)
	}
}
