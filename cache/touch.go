package cache

import (
	"slices"

	"infisicalfs/secret"
)

// touch is a change of secrets here. Other values that are shown, also in other
// folders, may refer to them.
type touch struct {
	dir    secret.Dir
	names  []uint64 // of the secrets, hashes
	all    bool     // a folder has another name: so has whatever is in it
	comes  bool     // a name came or went, which imports pass on
	number uint64   // touches are counted
}

// maxTouches bounds what is remembered of one folder; more count as everything.
const maxTouches = 32

// shown is what the values of a snapshot refer to.
type shown struct {
	of       *secret.Folder
	refs     []secret.Reference
	dynamic  bool
	imports  bool
	imported []uint64 // names of what is imported, hashes
	unknown  []string // the environments of secrets of whose text nothing is known
}

// shows returns what e's snapshot refers to. It is worked out once, and again as
// long as something is unknown.
func (c *Cache) shows(t *texts, e *entry) *shown {
	if e.refs != nil && e.refs.of == e.snap && len(e.refs.unknown) == 0 {
		return e.refs
	}
	s := &shown{of: e.snap, imports: e.snap.Imports}
	for i := range e.snap.Secrets {
		found := &e.snap.Secrets[i]
		at := e.dir
		if found.Import != nil {
			at, s.imports = *found.Import, true
			s.imported = append(s.imported, secret.HashName(found.Name))
		}
		if c.cfg.Raw {
			refs, dynamic := found.Value.References()
			s.refs, s.dynamic = append(s.refs, refs...), s.dynamic || dynamic
			continue
		}
		text, known := t.known[versionOf(found)]
		switch {
		case known && text != nil:
			s.refs, s.dynamic = append(s.refs, text.refs...), s.dynamic || text.dynamic
		case known:
		case found.Hidden && t.listed(at): // nor would its value be shown
		case !slices.Contains(s.unknown, at.Env):
			s.unknown = append(s.unknown, at.Env)
		}
	}
	e.refs = s
	return s
}

// touched is called when changes of ours have touched secrets. What certainly shows
// none of them stays as it is; the others are returned.
func (c *Cache) touched(ch touch) (dirs []secret.Dir) {
	if c.cfg.Stored == nil && !c.cfg.Raw || len(ch.names) == 0 && !ch.all {
		return nil
	}
	c.touches++
	ch.number = c.touches
	for _, f := range c.fetch {
		f.touch(ch)
	}
	for f := range c.trees {
		f.touch(ch)
	}
	j := c.judge(ch)
	for dir, e := range c.store.entries {
		if dir.Project == ch.dir.Project {
			v := j.verdict(e)
			if v != untouched {
				dirs = append(dirs, dir)
			}
			c.pass(e, ch, v)
		}
	}
	return dirs
}

// touch notes a change that f's answer may have been made before.
func (f *flight) touch(ch touch) {
	if f.dir.Project == ch.dir.Project {
		f.touches = append(f.touches, ch)
	}
}

// judgeFlight is touched for what a flight has brought, and for the rest what a
// change is that it has heard of.
func (c *Cache) judgeFlight(f *flight, dirs ...secret.Dir) {
	for _, ch := range f.heard {
		c.heardOf(ch, f.number)
	}
	for _, ch := range f.touches {
		j := c.judge(ch)
		for _, dir := range dirs {
			if e := c.store.entries[dir]; e != nil && e.answer == f.number {
				c.pass(e, ch, j.verdict(e))
			}
		}
	}
}

// hears notes changes by others, in what a flight has brought. What is known to refer
// to them is touched; nothing is asked for, as the rest is at most a TTL old anyway.
func (c *Cache) hears(f *flight, dir secret.Dir, old, new *secret.Folder) {
	if c.texts[dir.Project] == nil || old == nil || new == nil {
		return
	}
	ch := touch{dir: dir}
	for i := range new.Secrets {
		s := &new.Secrets[i]
		was, ok := old.Secret(s.Name)
		if !ok || !sameVersion(was, *s) || was.Hidden != s.Hidden {
			ch.names, ch.comes = append(ch.names, secret.HashName(s.Name)), ch.comes || !ok
		}
	}
	for i := range old.Secrets {
		if _, ok := new.Secret(old.Secrets[i].Name); !ok && !new.Partial {
			ch.names, ch.comes = append(ch.names, secret.HashName(old.Secrets[i].Name)), true
		}
	}
	f.heard = append(f.heard, ch)
}

func (c *Cache) heardOf(ch touch, answer uint64) {
	if len(ch.names) == 0 || c.texts[ch.dir.Project] == nil {
		return
	}
	j := c.judge(ch)
	for dir, e := range c.store.entries {
		if dir.Project == ch.dir.Project && dir != ch.dir && (e.answer != answer || answer == 0) {
			if v := j.verdict(e); v == hit {
				c.pass(e, ch, v)
			}
		}
	}
}

// pass does what a verdict demands.
func (c *Cache) pass(e *entry, ch touch, v verdict) {
	switch {
	case v == hit:
		c.doubt(e)
		e.aged, e.refers, e.touches = true, true, nil
	case v == unclear:
		if len(e.touches) == 0 {
			c.doubt(e)
		}
		if e.touches = append(e.touches, ch); len(e.touches) > maxTouches {
			c.touches++
			e.touches = []touch{{dir: ch.dir, all: true, comes: true, number: c.touches}}
		}
	}
}
