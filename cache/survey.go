package cache

import (
	"errors"
	"time"

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
	done chan struct{} // closed when it has landed
}

// surveyed is the last survey that began at a folder.
type surveyed struct {
	at      time.Time
	done    bool // one has succeeded
	refused bool // the last was too much, or not allowed
}

// covers reports whether it is known what the secrets of an environment, a hash,
// refer to.
func (t *texts) covers(env uint64) bool {
	for top, s := range t.surveyed {
		if s.done && top.Path == "/" && secret.HashName(top.Env) == env {
			return true
		}
	}
	return false
}

// listed reports whether a survey has told what may be read of a folder.
func (t *texts) listed(dir secret.Dir) bool {
	for top, s := range t.surveyed {
		if s.done && top.Contains(dir) {
			return true
		}
	}
	return false
}

// surveyFor returns the survey that a caller of e's folder has to wait for. Where
// none would tell more, e counts as touched.
func (c *Cache) surveyFor(e *entry, now time.Time) *survey {
	if len(e.touches) == 0 || !c.young(e, now) || c.outage.known() {
		return nil
	}
	t := c.textsOf(e.dir.Project)
	tops := []secret.Dir{c.surveyTop(e.dir.Project, e.dir.Env)}
	for _, env := range c.shows(t, e).unknown {
		if env != e.dir.Env {
			tops = append(tops, c.surveyTop(e.dir.Project, env))
		}
	}
	if t.surveyed[tops[0]].refused {
		tops = append(tops, e.dir)
	}
	for _, top := range tops {
		if s := c.surveys[top]; s != nil {
			return s
		}
		if last := t.surveyed[top]; last.at.IsZero() || !now.Before(last.at.Add(max(c.cfg.TTL, minSurveys))) {
			return c.survey(top)
		}
	}
	c.pass(e, touch{}, hit)
	return nil
}

// surveyTop is where a survey of an environment begins.
func (c *Cache) surveyTop(project, env string) secret.Dir {
	if root := c.cfg.Root; root.IsFolder() && root.Project == project && root.Env == env {
		return root
	}
	return secret.Dir{Project: project, Env: env, Path: "/"}
}

// minSurveys is the least time between two surveys of an environment.
const minSurveys = 10 * time.Second

func (c *Cache) survey(top secret.Dir) *survey {
	s := &survey{top: top, born: c.clock, done: make(chan struct{})}
	c.surveys[top] = s
	c.stats.Surveys++
	c.wg.Go(func() {
		list, err := c.cfg.Stored(c.ctx, top)
		c.landSurvey(s, list, err)
		close(s.done)
	})
	return s
}

// landSurvey takes in what a survey has brought, and judges anew what was waiting for
// it.
func (c *Cache) landSurvey(s *survey, list []secret.Secret, err error) {
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
		c.failed(&flight{dir: s.top, tree: true, err: err}, now)
	}
	t := c.textsOf(s.top.Project)
	for i := range list {
		t.learn(&list[i])
	}
	if t.surveyed == nil || len(t.surveyed) >= maxEnvironments {
		t.surveyed = map[secret.Dir]surveyed{}
	}
	t.surveyed[s.top] = surveyed{
		at: now, done: err == nil || t.surveyed[s.top].done, refused: decided(err) || errors.Is(err, secret.ErrInexact),
	}
	judges := map[uint64]*judge{}
	for dir, e := range c.store.entries {
		if dir.Project == s.top.Project && len(e.touches) > 0 {
			c.judgeAgain(e, judges)
		}
	}
}

// judgeAgain judges what was unclear, by judges made before, by the numbers of their
// changes.
func (c *Cache) judgeAgain(e *entry, judges map[uint64]*judge) {
	waiting := e.touches
	e.touches = nil
	for _, ch := range waiting {
		j := judges[ch.number]
		if j == nil {
			j = c.judge(ch)
			judges[ch.number] = j
		}
		switch v := j.verdict(e); v {
		case hit:
			c.pass(e, ch, hit)
			return
		case unclear:
			e.touches = append(e.touches, ch)
		}
	}
}

// forgetTexts forgets what is known of what is stored.
func (c *Cache) forgetTexts() { c.texts = map[string]*texts{} }

// forgetUnusedTexts does so for projects of which nothing is retained.
func (c *Cache) forgetUnusedTexts() {
	used := map[string]bool{}
	for dir := range c.store.entries {
		used[dir.Project] = true
	}
	for project := range c.texts {
		if !used[project] {
			delete(c.texts, project)
		}
	}
}
