package store

import (
	"slices"
	"time"
)

// The smallest changes of the state, of which requests, edits and seeds are made.

// AddProject adds a project without environments; an empty name is the slug.
func (st *State) AddProject(slug, name string, now time.Time) *Project {
	if name == "" {
		name = slug
	}
	p := &Project{ID: NewUUID(), Name: name, Slug: slug, CreatedAt: now, UpdatedAt: now}
	st.Projects = append(st.Projects, p)
	return p
}

// AddEnvironment adds an environment with an empty root folder; an empty name is the
// usual one of the slug.
func (p *Project) AddEnvironment(slug, name string, now time.Time) *Environment {
	if name == "" {
		name = usualEnvironmentNames[slug]
	}
	if name == "" {
		name = slug
	}
	root := &Folder{ID: NewUUID(), Name: "root", Version: 1, CreatedAt: now, UpdatedAt: now}
	e := &Environment{ID: NewUUID(), Name: name, Slug: slug, CreatedAt: now, Root: root}
	p.Environments = append(p.Environments, e)
	return e
}

// EnsureTag returns the tag of that slug, made if there is none.
func (p *Project) EnsureTag(slug string, now time.Time) *Tag {
	if t := Find(p.Tags, func(t *Tag) bool { return t.Slug == slug }); t != nil {
		return t
	}
	t := &Tag{ID: NewUUID(), Slug: slug, Color: "#ff0000", CreatedAt: now}
	p.Tags = append(p.Tags, t)
	return t
}

// Join gives an identity a role in a project, instead of the one that it had.
func (i *Identity) Join(p *Project, role string, now time.Time) {
	if m := i.Membership(p.ID); m != nil {
		m.Role = role
		return
	}
	i.Memberships = append(i.Memberships, Membership{ID: NewUUID(), RoleID: NewUUID(), ProjectID: p.ID, Role: role, CreatedAt: now})
}

// Leave takes an identity out of a project.
func (i *Identity) Leave(p *Project) {
	i.Memberships = slices.DeleteFunc(i.Memberships, func(m Membership) bool { return m.ProjectID == p.ID })
}

// AddFolder adds a folder, whether or not there is one of that name.
func (f *Folder) AddFolder(name string, now time.Time) *Folder {
	c := &Folder{ID: NewUUID(), Name: name, Version: 1, CreatedAt: now, UpdatedAt: now}
	f.Folders = append(f.Folders, c)
	return c
}

// RemoveFolder removes c, which is a child of f, with all that is in it.
func (f *Folder) RemoveFolder(c *Folder) {
	f.Folders = slices.DeleteFunc(f.Folders, func(x *Folder) bool { return x == c })
}

// AddSecret adds a secret as it stands, whether or not there is one of that name.
func (f *Folder) AddSecret(key, value string, personal bool, now time.Time) *Secret {
	x := &Secret{ID: NewUUID(), Key: key, Value: value, Personal: personal, Version: 1, CreatedAt: now, UpdatedAt: now}
	f.Secrets = append(f.Secrets, x)
	f.SecretModified = now
	return x
}

// RemoveSecret removes one secret and its history.
func (f *Folder) RemoveSecret(x *Secret, now time.Time) {
	f.Secrets = slices.DeleteFunc(f.Secrets, func(y *Secret) bool { return x == y })
	f.SecretModified = now
}

// Change makes a new version of x; alter makes the difference.
func (f *Folder) Change(x *Secret, now time.Time, alter func(*Secret)) {
	x.History = append(x.History, Version{Number: x.Version, Key: x.Key, Value: x.Value, Comment: x.Comment, UpdatedAt: x.UpdatedAt})
	alter(x)
	x.Version++
	x.UpdatedAt = now
	f.SecretModified = now
}

// AddImport adds an import behind those that f has. The source need not exist.
func (f *Folder) AddImport(env, path string, now time.Time) *SecretImport {
	im := &SecretImport{ID: NewUUID(), Env: env, Path: path, Version: 1, CreatedAt: now, UpdatedAt: now}
	f.Imports = append(f.Imports, im)
	return im
}
