package devserver

import (
	"maps"
	"slices"
	"time"
)

// The smallest changes of the state, of which requests, edits and seeds are made.

func (st *state) addProject(slug, name string, now time.Time) *project {
	if name == "" {
		name = slug
	}
	p := &project{ID: newUUID(), Name: name, Slug: slug, CreatedAt: now, UpdatedAt: now}
	st.Projects = append(st.Projects, p)
	return p
}

func (p *project) addEnvironment(slug, name string, now time.Time) *environment {
	if name == "" {
		name = usualEnvironmentNames[slug]
	}
	if name == "" {
		name = slug
	}
	root := &folder{ID: newUUID(), Name: "root", Version: 1, CreatedAt: now, UpdatedAt: now}
	e := &environment{ID: newUUID(), Name: name, Slug: slug, CreatedAt: now, Root: root}
	p.Environments = append(p.Environments, e)
	return e
}

func (p *project) ensureTag(slug string, now time.Time) *tag {
	if t := find(p.Tags, func(t *tag) bool { return t.Slug == slug }); t != nil {
		return t
	}
	t := &tag{ID: newUUID(), Slug: slug, Color: "#ff0000", CreatedAt: now}
	p.Tags = append(p.Tags, t)
	return t
}

func (i *identity) join(p *project, role string, now time.Time) {
	if m := i.membership(p.ID); m != nil {
		m.Role = role
		return
	}
	i.Memberships = append(i.Memberships, membership{ID: newUUID(), RoleID: newUUID(), ProjectID: p.ID, Role: role, CreatedAt: now})
}

func (i *identity) leave(p *project) {
	i.Memberships = slices.DeleteFunc(i.Memberships, func(m membership) bool { return m.ProjectID == p.ID })
}

func (f *folder) addFolder(name string, now time.Time) *folder {
	c := &folder{ID: newUUID(), Name: name, Version: 1, CreatedAt: now, UpdatedAt: now}
	f.Folders = append(f.Folders, c)
	return c
}

func (f *folder) removeFolder(c *folder) {
	f.Folders = slices.DeleteFunc(f.Folders, func(x *folder) bool { return x == c })
}

func (f *folder) addSecret(key, value string, personal bool, now time.Time) *secret {
	x := &secret{ID: newUUID(), Key: key, Value: value, Personal: personal, Version: 1, CreatedAt: now, UpdatedAt: now}
	f.Secrets = append(f.Secrets, x)
	f.SecretModified = now
	return x
}

func (f *folder) removeSecret(x *secret, now time.Time) {
	f.Secrets = slices.DeleteFunc(f.Secrets, func(y *secret) bool { return x == y })
	f.SecretModified = now
}

// change makes a new version of x; alter makes the difference.
func (f *folder) change(x *secret, now time.Time, alter func(*secret)) {
	x.History = append(x.History, version{Number: x.Version, Key: x.Key, Value: x.Value, Comment: x.Comment, UpdatedAt: x.UpdatedAt})
	alter(x)
	x.Version++
	x.UpdatedAt = now
	f.SecretModified = now
}

func (f *folder) addImport(env, path string, now time.Time) *secretImport {
	im := &secretImport{ID: newUUID(), Env: env, Path: path, Version: 1, CreatedAt: now, UpdatedAt: now}
	f.Imports = append(f.Imports, im)
	return im
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
