package cache

import "infisicalfs/secret"

// verdict is whether a snapshot shows something that a change has touched.
type verdict int

const (
	untouched verdict = iota
	unclear           // not before more is known of what is stored
	hit
)

// judge gives verdicts about one change.
type judge struct {
	cache   *Cache
	texts   *texts
	change  touch
	reached map[uint64]bool // names from which the change is seen
	unknown map[string]bool // environments of which something is shown whose text is not known
}

func (c *Cache) judge(ch touch) *judge {
	t := c.textsOf(ch.dir.Project)
	j := &judge{c, t, ch, t.reach(ch.names), map[string]bool{}}
	for dir, e := range c.store.entries {
		if dir.Project == ch.dir.Project && judged(e) {
			for _, env := range c.shows(t, e).unknown {
				j.unknown[env] = true
			}
		}
	}
	return j
}

// judged reports whether there is anything to judge of.
func judged(e *entry) bool { return e.dir.IsFolder() && e.snap != nil && !e.void && !e.refers }

func (j *judge) verdict(e *entry) verdict {
	if !judged(e) {
		return untouched
	}
	s := j.cache.shows(j.texts, e)
	switch {
	case !j.cache.cfg.Raw:
	case s.imports: // servers resolve the references in what is imported all the same
		return hit
	case !j.change.comes: // what is shown refers to the same as before
		return untouched
	}
	if s.dynamic || j.change.all && (len(s.refs) > 0 || s.imports) || j.change.comes && s.imports && e.dir != j.change.dir {
		return hit
	}
	for _, name := range s.imported {
		if j.reached[name] && e.dir != j.change.dir { // or it was just written over
			return hit
		}
	}
	v := untouched
	here := secret.HashName(e.dir.Env)
	for _, ref := range s.refs {
		switch {
		case j.reached[ref.Name]:
			return hit
		case ref.Env == 0 || j.cache.cfg.Raw || j.texts.covers(ref.Env):
		case ref.Env != here: // what it refers to may refer to anything
			return hit
		default:
			v = unclear
		}
	}
	if len(s.unknown) > 0 || len(s.refs) > 0 && j.unknown[e.dir.Env] {
		v = unclear
	}
	return v
}

// textsOf returns what is known of a project's texts.
func (c *Cache) textsOf(project string) *texts {
	t := c.texts[project]
	if t == nil {
		if len(c.texts) >= maxEnvironments {
			c.forgetTexts() // costs requests, nothing else
		}
		t = &texts{}
		c.texts[project] = t
	}
	return t
}

// learn takes in a secret as it is stored.
func (c *Cache) learn(dir secret.Dir, s *secret.Secret) {
	if c.cfg.Stored != nil {
		c.textsOf(dir.Project).learn(s)
	}
}
