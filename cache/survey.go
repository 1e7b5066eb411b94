package cache

import (
	"errors"
	"time"

	"infisicalfs/cache/internal/refgraph"
	"infisicalfs/secret"
)

// survey is a request for all that is stored in an environment, under way. It is
// made when somebody asks for a folder of which it is not known whether it refers to
// what was changed here: once per environment, unless somebody else changes secrets
// there as well. Where the environment may not be listed as a whole, or is too large,
// there is one for each such folder.
type survey struct {
	top  secret.Dir
	born uint64
	done chan struct{} // closed when it has ended
}

// surveyFor returns the survey that a caller of e's folder has to wait for. Where
// none would tell more, e counts as dependent.
func (c *Cache) surveyFor(e *entry, now time.Time) *survey {
	if len(e.unclear) == 0 || !c.believed(e, now) || c.outage.down() {
		return nil
	}
	g := c.graphOf(e.dir.Project)
	tops := []secret.Dir{c.area(e.dir)}
	for _, env := range c.shows(g, e).Unknown() {
		if env != e.dir.Env {
			tops = append(tops, c.surveyTops(e.dir.Project, env)...)
		}
	}
	if g.SurveyAt(tops[0]).Impossible {
		tops = append(tops, e.dir)
	}
	for _, top := range tops {
		if s := c.surveys[top]; s != nil {
			return s
		}
		if last := g.SurveyAt(top); last.At.IsZero() || !now.Before(last.At.Add(max(c.cfg.TTL, minSurveys))) {
			return c.survey(top)
		}
	}
	c.mark(e, refgraph.Change{}, refgraph.Dependent)
	return nil
}

// surveyTops are where surveys of an environment begin: what is shown of it, or all.
func (c *Cache) surveyTops(project, env string) (tops []secret.Dir) {
	all := secret.Dir{Project: project, Env: env, Path: "/"}
	for root := range c.roots {
		if top, _ := c.rootOver(root); top == root && all.Contains(root) {
			tops = append(tops, root)
		}
	}
	if tops == nil {
		return []secret.Dir{all}
	}
	return tops
}

// minSurveys is the least time between two surveys of an environment.
const minSurveys = 10 * time.Second

func (c *Cache) survey(top secret.Dir) *survey {
	s := &survey{top: top, born: c.clock, done: make(chan struct{})}
	c.surveys[top] = s
	c.stats.Surveys++
	c.wg.Go(func() {
		list, err := c.cfg.Stored(c.ctx, top)
		c.completeSurvey(s, list, err)
		close(s.done)
	})
	return s
}

// completeSurvey takes in what a survey has brought, and looks again at what was
// unclear before.
func (c *Cache) completeSurvey(s *survey, list []secret.Secret, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.surveys, s.top)
	if c.closed || s.born < c.purged {
		return
	}
	now := time.Now()
	switch {
	case err == nil:
		c.reached(now)
	case errors.Is(err, secret.ErrTimeout): // what would be asked for next need not take as long
		c.failed(&flight{dir: s.top, bulk: true, err: err}, now)
	}
	g := c.graphOf(s.top.Project)
	for i := range list {
		g.Learn(&list[i])
	}
	g.SurveyEnded(s.top, refgraph.Survey{At: now, Done: err == nil, Impossible: isVerdict(err) || errors.Is(err, secret.ErrInexact)})
	effects := map[uint64]*refgraph.Effect{} // by the numbers of changes
	for dir, e := range c.store.entries {
		if dir.Project == s.top.Project && len(e.unclear) > 0 {
			c.markAgain(e, effects)
		}
	}
}

// markAgain looks again at what was unclear of e. It uses and adds to effects.
func (c *Cache) markAgain(e *entry, effects map[uint64]*refgraph.Effect) {
	unclear := e.unclear
	e.unclear = nil
	for _, ch := range unclear {
		effect := effects[ch.Number]
		if effect == nil {
			effect = c.effect(ch)
			effects[ch.Number] = effect
		}
		switch c.dependence(effect, e) {
		case refgraph.Dependent:
			c.mark(e, ch, refgraph.Dependent)
			return
		case refgraph.Unclear:
			e.unclear = append(e.unclear, ch)
		}
	}
}
