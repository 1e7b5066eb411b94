package devserver

import (
	"fmt"
	"strings"
	"time"

	"infisicalfs/internal/devserver/internal/store"
)

// change runs f under the server's lock and counts a change if it succeeds. The
// functions below find what f is about.
func (e *Editor) change(f func(*store.State, time.Time) error) error {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if err := f(e.s.state, time.Now()); err != nil {
		return err
	}
	e.s.revision++
	return nil
}

func (e *Editor) project(slug string, f func(*store.State, *store.Project, time.Time) error) error {
	return e.change(func(st *store.State, now time.Time) error {
		p := st.ProjectBySlug(slug)
		if p == nil {
			return fmt.Errorf("there is no project %s", slug)
		}
		return f(st, p, now)
	})
}

func (e *Editor) environment(projectSlug, slug string, f func(*store.Project, *store.Environment, time.Time) error) error {
	return e.project(projectSlug, func(_ *store.State, p *store.Project, now time.Time) error {
		en := p.Env(slug)
		if en == nil {
			return fmt.Errorf("there is no environment %s in project %s", slug, projectSlug)
		}
		return f(p, en, now)
	})
}

func (e *Editor) folder(projectSlug, env, path string, f func(store.Place, time.Time) error) error {
	return e.environment(projectSlug, env, func(p *store.Project, en *store.Environment, now time.Time) error {
		found := en.Root.Walk(path)
		if found == nil {
			return fmt.Errorf("there is no folder %s in %s/%s", path, projectSlug, env)
		}
		return f(store.Place{Project: p, Env: en, Path: path, Folder: found}, now)
	})
}

func (e *Editor) secret(projectSlug, env, path, name string, f func(store.Place, *store.Secret, time.Time) error) error {
	return e.folder(projectSlug, env, path, func(at store.Place, now time.Time) error {
		x := at.Folder.Shared(name)
		if x == nil {
			return fmt.Errorf("there is no secret %s in %s of %s/%s", name, path, projectSlug, env)
		}
		return f(at, x, now)
	})
}

func (e *Editor) identity(name string, f func(*store.State, *store.Identity, time.Time) error) error {
	return e.change(func(st *store.State, now time.Time) error {
		id := st.IdentityNamed(name)
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
