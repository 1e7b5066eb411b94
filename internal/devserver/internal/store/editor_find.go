package store

import (
	"fmt"
	"strings"
	"time"
)

// The functions below find what a change is about.

func (e *Editor) project(slug string, f func(*State, *Project, time.Time) error) error {
	return e.change(func(st *State, now time.Time) error {
		p := st.ProjectBySlug(slug)
		if p == nil {
			return fmt.Errorf("there is no project %s", slug)
		}
		return f(st, p, now)
	})
}

func (e *Editor) environment(projectSlug, slug string, f func(*Project, *Environment, time.Time) error) error {
	return e.project(projectSlug, func(_ *State, p *Project, now time.Time) error {
		en := p.Env(slug)
		if en == nil {
			return fmt.Errorf("there is no environment %s in project %s", slug, projectSlug)
		}
		return f(p, en, now)
	})
}

func (e *Editor) folder(projectSlug, env, path string, f func(Place, time.Time) error) error {
	return e.change(func(st *State, now time.Time) error {
		at, err := st.place(projectSlug, env, path)
		if err != nil {
			return err
		}
		return f(at, now)
	})
}

// place finds a folder by its path.
func (st *State) place(projectSlug, env, path string) (Place, error) {
	at := Place{Project: st.ProjectBySlug(projectSlug), Path: path}
	if at.Project == nil {
		return at, fmt.Errorf("there is no project %s", projectSlug)
	}
	if at.Env = at.Project.Env(env); at.Env == nil {
		return at, fmt.Errorf("there is no environment %s in project %s", env, projectSlug)
	}
	if at.Folder = at.Env.Root.Walk(path); at.Folder == nil {
		return at, fmt.Errorf("there is no folder %s in %s/%s", path, projectSlug, env)
	}
	return at, nil
}

func (e *Editor) secret(projectSlug, env, path, name string, f func(Place, *Secret, time.Time) error) error {
	return e.folder(projectSlug, env, path, func(at Place, now time.Time) error {
		x := at.Folder.Shared(name)
		if x == nil {
			return fmt.Errorf("there is no secret %s in %s of %s/%s", name, path, projectSlug, env)
		}
		return f(at, x, now)
	})
}

func (e *Editor) identity(name string, f func(*State, *Identity, time.Time) error) error {
	return e.change(func(st *State, now time.Time) error {
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
