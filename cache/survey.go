package cache

import (
	"errors"
	"time"

	"infisicalfs/secret"
)

// survey is a request for all that is stored in an environment, under way. It is
// made when somebody asks for a folder of which it is not known whether it refers to
// what was changed here: once per environment, unless somebody else changes secrets
// there as well.
type survey struct {
	top  secret.Dir
	born uint64
	done chan struct{} // closed when it has landed
}

// surveyed is when an environment was surveyed.
type surveyed struct {
	at    time.Time
	done  bool   // it has succeeded
	whole bool   // from the topmost folder on
	env   uint64 // its name, a hash
}

// covers reports whether it is known what the secrets of an environment refer to.
func (t *texts) covers(env uint64) bool {
	for _, s := range t.surveyed {
		if s.env == env && s.whole {
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
	for _, env := range append([]string{e.dir.Env}, c.shows(t, e).unknown...) {
		top := secret.Dir{Project: e.dir.Project, Env: env, Path: "/"}
		if c.cfg.Root.IsFolder() && c.cfg.Root.Env == env {
			top = c.cfg.Root
		}
		if s := c.surveys[top]; s != nil {
			return s
		}
		if last := t.surveyed[env]; last.at.IsZero() || !now.Before(last.at.Add(max(c.cfg.TTL, minSurveys))) {
			return c.survey(top)
		}
	}
	c.pass(e, touch{}, hit)
	return nil
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
	if t.surveyed == nil {
		t.surveyed = map[string]surveyed{}
	}
	was := t.surveyed[s.top.Env]
	t.surveyed[s.top.Env] = surveyed{
		at: now, env: hashOf(s.top.Env),
		done: was.done || err == nil, whole: was.whole || err == nil && s.top.Path == "/",
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
