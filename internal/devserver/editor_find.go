package devserver

import (
	"fmt"
	"strings"
	"time"
)

// change runs f under the server's lock and counts a change if it succeeds. The
// functions below find what f is about.
func (e *Editor) change(f func(*state, time.Time) error) error {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if err := f(e.s.state, time.Now()); err != nil {
		return err
	}
	e.s.revision++
	return nil
}

func (e *Editor) project(slug string, f func(*state, *project, time.Time) error) error {
	return e.change(func(st *state, now time.Time) error {
		p := st.projectBySlug(slug)
		if p == nil {
			return fmt.Errorf("there is no project %s", slug)
		}
		return f(st, p, now)
	})
}

func (e *Editor) environment(projectSlug, slug string, f func(*project, *environment, time.Time) error) error {
	return e.project(projectSlug, func(_ *state, p *project, now time.Time) error {
		en := p.env(slug)
		if en == nil {
			return fmt.Errorf("there is no environment %s in project %s", slug, projectSlug)
		}
		return f(p, en, now)
	})
}

func (e *Editor) folder(projectSlug, env, path string, f func(place, time.Time) error) error {
	return e.environment(projectSlug, env, func(p *project, en *environment, now time.Time) error {
		found := en.Root.walk(path)
		if found == nil {
			return fmt.Errorf("there is no folder %s in %s/%s", path, projectSlug, env)
		}
		return f(place{p, en, path, found}, now)
	})
}

func (e *Editor) secret(projectSlug, env, path, name string, f func(place, *secret, time.Time) error) error {
	return e.folder(projectSlug, env, path, func(at place, now time.Time) error {
		x := at.f.shared(name)
		if x == nil {
			return fmt.Errorf("there is no secret %s in %s of %s/%s", name, path, projectSlug, env)
		}
		return f(at, x, now)
	})
}

func (e *Editor) identity(name string, f func(*state, *identity, time.Time) error) error {
	return e.change(func(st *state, now time.Time) error {
		id := st.identityNamed(name)
		if id == nil {
			return fmt.Errorf("there is no identity %s", name)
		}
		return f(st, id, now)
	})
}

// splitPath returns the names of an absolute path, none for the root.
func splitPath(path string) []string {
	if path = strings.Trim(path, "/"); path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
