package cache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"infisicalfs/secret"
)

// edit is what a change does to a folder.
type edit struct {
	dir secret.Dir
	// apply returns the folder as it is now, or false if that is not certain.
	// Nil: the folder itself, with all that is below, has come or gone.
	apply func(*secret.Folder) (*secret.Folder, bool)
	// at are the secrets and subfolders that apply may change, nil if any.
	at []string
	// stored is the secret that was written, as it is stored; nil: none was.
	stored *secret.Secret
	// names are secrets that have another value now, or came or went (comes); moved
	// says that so may all that is in folders. What refers to them is touched.
	names        []string
	comes, moved bool
	// to is where a folder that has gone is now, zero if nowhere.
	to secret.Dir
}

func (ed edit) touch() touch {
	ch := touch{dir: ed.dir, all: ed.moved, comes: ed.comes || ed.moved}
	for _, name := range ed.names {
		ch.names = append(ch.names, secret.HashName(name))
	}
	return ch
}

// uncertain is the edit of which nothing can be known without asking.
func uncertain(*secret.Folder) (*secret.Folder, bool) { return nil, false }

// wrote takes in the outcome of a change. It makes no request, and waits only if
// the change found out that nothing may be shown any longer, for that to be heard.
func (c *Cache) wrote(ctx context.Context, err error, edits ...edit) {
	touched, before := c.takeInChange(err, edits)
	if len(touched) > 0 {
		c.cfg.OnTouch(touched)
	}
	c.hear(ctx, before)
}

func (c *Cache) takeInChange(err error, edits []edit) (touched []secret.Dir, before *piece) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed:
	case errors.Is(err, secret.ErrUnauthenticated):
		c.purge(err, now)
		return nil, c.denied(err)
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
			touched = append(touched, c.touched(ed.touch())...)
		}
	}
	return touched, nil
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
			f.barred = append(f.barred, ed.dir)
		} else if !slices.Contains(f.changed, ed.dir) {
			f.changed = append(f.changed, ed.dir)
		}
	}
}

// age has the server asked by the next caller.
func (c *Cache) age(ed edit) {
	for dir, e := range c.store.entries {
		if dir == ed.dir || ed.apply == nil && ed.dir.Contains(dir) {
			c.doubt(e)
			e.aged = true
			e.forgetAbsence()
		}
	}
}

// doubt tells who keeps copies that e's snapshot may not be right any longer;
// what is right instead is news for when the server has been asked.
func (c *Cache) doubt(e *entry) {
	if e.snap != nil && !e.aged && !e.void {
		c.change(secret.Change{Dir: e.dir, Old: e.snap})
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
		c.change(secret.Change{Dir: top, Deep: true, Old: old})
	}
}

// transplant goes on watching e's folder under another name. What was known of it
// is what the next answer is compared with.
func (c *Cache) transplant(e *entry, to secret.Dir, now time.Time) {
	next := c.store.use(to, now)
	next.shown, next.checked = true, e.checked
	if e.snap == nil || e.void {
		return
	}
	c.store.put(next, e.snap.With(func(f *secret.Folder) { f.Dir, f.Revision = to, "" }), e.born)
	next.aged, next.holes = true, e.holes
}

// apply edits the snapshot of a folder. It lives no longer for that, and the
// server cannot be asked whether it is unchanged.
func (c *Cache) apply(ed edit, now time.Time) {
	e := c.store.entries[ed.dir]
	if e == nil {
		return
	}
	e.forgetAbsence()
	if e.snap == nil || e.void {
		return
	}
	next, certain := ed.apply(e.snap)
	switch {
	case !certain:
		c.doubt(e)
		e.void = true
	case next != e.snap:
		next.Revision = ""
		was := *e
		c.publish(next, e.born, now, ed.at)
		e.aged, e.holes = was.aged, was.holes || next.Partial && !was.snap.Partial
		e.refers, e.touches, e.answer = was.refers, was.touches, was.answer
		if was.refs != nil && was.refs.of == was.snap {
			// Its new values refer to nothing, or the edit would not be certain; what it
			// took away does no harm.
			refs := *was.refs
			refs.of = e.snap
			e.refs = &refs
		}
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
		ed := edit{dir: dir, apply: uncertain, names: []string{name}}
		c.overtake(ed)
		c.age(ed)
		c.heardOf(ed.touch(), 0)
	}
}
