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

// After a change of ours the cache shows what the server has without asking for it,
// where that is certain, and otherwise makes sure that nobody is shown the old content
// as if it were fresh.

// written is what a change of ours did to one folder.
type written struct {
	dir secret.Dir
	// edit makes the folder's snapshot what it is now. Nil: the folder itself, with
	// all that is below, has come or gone.
	edit snapshot.Edit
	// edited are the secrets and subfolders that edit may change, nil if any.
	edited []string
	// stored is the secret that was written, as it is stored; nil: none was.
	stored *secret.Secret
	// secrets are the names of those that have another value now, or came or went
	// (comes); moved says that so may all that is in folders. Others may refer to them.
	secrets      []string
	comes, moved bool
	// to is where a folder that has gone is now, zero if nowhere.
	to secret.Dir
}

// change returns w as those see it who refer to secrets.
func (w written) change() refgraph.Change {
	ch := refgraph.Change{Dir: w.dir, All: w.moved, Comes: w.comes || w.moved}
	for _, name := range w.secrets {
		ch.Names = append(ch.Names, secret.HashName(name))
	}
	return ch
}

// afterWrite takes in the outcome of a change. It makes no request, and waits only if
// the change found out that nothing may be shown any longer, for OnChange to be told.
func (c *Cache) afterWrite(ctx context.Context, err error, folders ...written) {
	dependents, before := c.takeInWrite(err, folders)
	if len(dependents) > 0 {
		c.cfg.OnDependents(dependents)
	}
	c.await(ctx, before)
}

func (c *Cache) takeInWrite(err error, folders []written) (dependents []secret.Dir, before *notice) {
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
		for _, w := range folders {
			c.takeInFolder(w, err, now)
		}
		for _, w := range folders {
			dependents = append(dependents, c.changedSecrets(w.change())...)
		}
	}
	return dependents, nil
}

// takeInFolder changes what is shown of one folder. With an error it is not known what
// became of the change.
func (c *Cache) takeInFolder(w written, err error, now time.Time) {
	c.overtake(w)
	switch {
	case err != nil:
		c.suspect(w)
		return
	case w.edit == nil:
		c.dropSubtree(w.dir, w.to, now)
	default:
		c.apply(w, now)
	}
	if w.stored != nil {
		c.learn(w.dir, w.stored)
	}
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
func (c *Cache) overtake(w written) {
	below := w.edit == nil
	for _, f := range c.fetch {
		if f.dir == w.dir || below && w.dir.Contains(f.dir) {
			f.overtaken = true
		}
	}
	for f := range c.bulkFlights {
		if below {
			f.excluded = append(f.excluded, w.dir)
		} else if !slices.Contains(f.changedDirs, w.dir) {
			f.changedDirs = append(f.changedDirs, w.dir)
		}
	}
}

// suspect has the server asked by the next caller.
func (c *Cache) suspect(w written) {
	for dir, e := range c.store.entries {
		if dir == w.dir || w.edit == nil && w.dir.Contains(dir) {
			c.doubt(e)
			e.suspect = true
			e.forgetAbsence()
		}
	}
}

// dropSubtree forgets all that was known at and below a folder that has come or gone.
// If it is called otherwise now, who watches it is told of changes there from now
// on.
func (c *Cache) dropSubtree(top, to secret.Dir, now time.Time) {
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
		c.watchUnder(e, secret.Dir{Project: to.Project, Env: to.Env, Path: to.Path + strings.TrimPrefix(e.dir.Path, top.Path)}, now)
	}
	if known {
		c.notify(secret.Change{Dir: top, Deep: true, Old: old})
	}
}

// watchUnder goes on watching e's folder under another name. What was known of it
// is what the next answer is compared with.
func (c *Cache) watchUnder(e *entry, to secret.Dir, now time.Time) {
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
func (c *Cache) apply(w written, now time.Time) {
	e := c.store.entries[w.dir]
	if e == nil {
		return
	}
	e.forgetAbsence()
	if e.snap == nil || e.invalid {
		return
	}
	if e.snap.NoSecrets {
		c.store.put(e, nil, 0) // nobody was shown more than that it has folders
		return
	}
	next, certain := w.edit(e.snap)
	switch {
	case !certain:
		c.doubt(e)
		e.invalid = true
	case next != e.snap:
		next.Revision = ""
		was := *e
		c.publish(next, e.born, now, w.edited)
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
		w := written{dir: dir, edit: snapshot.Uncertain, secrets: []string{name}}
		c.overtake(w)
		c.suspect(w)
		c.changedElsewhere(w.change(), 0)
	}
}
