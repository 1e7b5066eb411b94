package cache

import (
	"infisicalfs/cache/internal/refgraph"
	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// After a change of a secret, snapshots that show a value which refers to it are not
// right any longer, and nothing in an answer about them says so. This file finds
// these dependents; what refers to what is known by refgraph, and what is not known
// yet is found out by a survey.

// maxUnclear bounds the changes that are remembered of one folder because it is
// unclear whether it depends on them; more count as everything.
const maxUnclear = 32

// graphOf returns what is known of a project's references.
func (c *Cache) graphOf(project string) *refgraph.Graph {
	g := c.graphs[project]
	if g == nil {
		if len(c.graphs) >= maxEnvironments {
			c.forgetGraphs() // costs requests, nothing else
		}
		g = &refgraph.Graph{Raw: c.cfg.Raw}
		c.graphs[project] = g
	}
	return g
}

// learn takes in a secret as it is stored.
func (c *Cache) learn(dir secret.Dir, s *secret.Secret) {
	if c.cfg.Stored != nil {
		c.graphOf(dir.Project).Learn(s)
	}
}

// forgetGraphs forgets all that is known of references.
func (c *Cache) forgetGraphs() { c.graphs = map[string]*refgraph.Graph{} }

// forgetUnusedGraphs does so for projects of which nothing is retained.
func (c *Cache) forgetUnusedGraphs() {
	used := map[string]bool{}
	for dir := range c.store.entries {
		used[dir.Project] = true
	}
	for project := range c.graphs {
		if !used[project] {
			delete(c.graphs, project)
		}
	}
}

// mayDepend reports whether e shows something that can depend on a change, and is
// not known to depend on one already.
func (e *entry) mayDepend() bool {
	return e.dir.IsFolder() && e.snap != nil && !e.invalid && !e.dependent
}

// shows returns what e's snapshot refers to.
func (c *Cache) shows(g *refgraph.Graph, e *entry) *refgraph.Shown {
	e.refs = g.Shown(e.snap, e.refs)
	return e.refs
}

// effect returns what a change does to the snapshots of its project.
func (c *Cache) effect(ch refgraph.Change) *refgraph.Effect {
	g := c.graphOf(ch.Dir.Project)
	var shown []*refgraph.Shown
	for dir, e := range c.store.entries {
		if dir.Project == ch.Dir.Project && e.mayDepend() {
			shown = append(shown, c.shows(g, e))
		}
	}
	return g.Effect(ch, shown)
}

// dependence says whether e depends on the change of f.
func (c *Cache) dependence(f *refgraph.Effect, e *entry) refgraph.Dependence {
	if !e.mayDepend() {
		return refgraph.Independent
	}
	return f.On(c.shows(c.graphOf(e.dir.Project), e))
}

// changedSecrets is called when a change of ours was made to secrets. Snapshots that
// certainly do not depend on it stay as they are; the folders of the others are
// returned.
func (c *Cache) changedSecrets(ch refgraph.Change) (dirs []secret.Dir) {
	if c.cfg.Stored == nil && !c.cfg.Raw || len(ch.Names) == 0 && !ch.All {
		return nil
	}
	c.changes++
	ch.Number = c.changes
	for _, f := range c.fetch {
		f.noteChange(ch)
	}
	for f := range c.bulkFlights {
		f.noteChange(ch)
	}
	effect := c.effect(ch)
	for dir, e := range c.store.entries {
		if dir.Project != ch.Dir.Project {
			continue
		}
		is := c.dependence(effect, e)
		if is != refgraph.Independent {
			dirs = append(dirs, dir)
		}
		c.mark(e, ch, is)
	}
	return dirs
}

// noteChange notes a change that f's answer may have been made before.
func (f *flight) noteChange(ch refgraph.Change) {
	if f.dir.Project == ch.Dir.Project {
		f.changes = append(f.changes, ch)
	}
}

// markBrought marks what a flight has brought and what depends on a change that was
// made here meanwhile, and of all else what depends on changes that its answer shows.
func (c *Cache) markBrought(f *flight, dirs ...secret.Dir) {
	for _, ch := range f.seen {
		c.changedElsewhere(ch, f.number)
	}
	for _, ch := range f.changes {
		effect := c.effect(ch)
		for _, dir := range dirs {
			if e := c.store.entries[dir]; e != nil && e.flight == f.number {
				c.mark(e, ch, c.dependence(effect, e))
			}
		}
	}
}

// see notes changes by others, in what a flight has brought, in secrets of these names. What
// is known to refer to them is marked; nothing is asked for, as the rest is at most a TTL
// old anyway.
func (c *Cache) see(f *flight, old, new *secret.Folder, names []string) {
	if c.graphs[new.Dir.Project] == nil || len(names) == 0 {
		return
	}
	ch := refgraph.Change{Dir: new.Dir}
	for _, name := range names {
		was, had := old.Secret(name)
		s, has := new.Secret(name)
		switch {
		case !has && (!had || new.Partial):
		case has && had && snapshot.SameVersion(was, s) && was.Hidden == s.Hidden:
		default:
			ch.Names, ch.Comes = append(ch.Names, secret.HashName(name)), ch.Comes || has != had
		}
	}
	if len(ch.Names) > 0 {
		f.seen = append(f.seen, ch)
	}
}

// changedElsewhere marks what is known to depend on a change by others, but for what
// the flight of that number has brought.
func (c *Cache) changedElsewhere(ch refgraph.Change, flight uint64) {
	if len(ch.Names) == 0 || c.graphs[ch.Dir.Project] == nil {
		return
	}
	effect := c.effect(ch)
	for dir, e := range c.store.entries {
		if dir.Project == ch.Dir.Project && dir != ch.Dir && (e.flight != flight || flight == 0) {
			if is := c.dependence(effect, e); is == refgraph.Dependent {
				c.mark(e, ch, is)
			}
		}
	}
}

// mark does what a dependence demands.
func (c *Cache) mark(e *entry, ch refgraph.Change, is refgraph.Dependence) {
	switch is {
	case refgraph.Dependent:
		c.doubt(e)
		e.suspect, e.dependent, e.unclear = true, true, nil
	case refgraph.Unclear:
		if len(e.unclear) == 0 {
			c.doubt(e)
		}
		if e.unclear = append(e.unclear, ch); len(e.unclear) > maxUnclear {
			c.changes++
			e.unclear = []refgraph.Change{{Dir: ch.Dir, All: true, Comes: true, Number: c.changes}}
		}
	}
}
