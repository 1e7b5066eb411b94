package store

import (
	"fmt"
	"slices"
	"time"
)

// Editor changes a server behind its clients' backs, as somebody at the web
// interface would: no request is logged, no token used, no limit touched.
// Projects and environments are slugs, paths are absolute. Each method is one
// change, seen by clients at once; it fails when what it needs is not there.
type Editor struct {
	change       func(func(*State, time.Time) error) error
	dropToken    func(*Token)
	setApprovals func(Policies)
}

// NewEditor returns an editor of a state that belongs to a server. change runs a
// function under the lock of the state and counts a change if that succeeds; the
// other two are called under the same lock: dropToken makes a token unusable in
// the way of the server's generation, setApprovals sets what the state does not say.
func NewEditor(change func(func(*State, time.Time) error) error, dropToken func(*Token), setApprovals func(Policies)) *Editor {
	return &Editor{change, dropToken, setApprovals}
}

// Set creates a shared secret or gives it a new value, which is stored as it
// stands, untrimmed.
func (e *Editor) Set(project, env, path, name, value string) error {
	return e.folder(project, env, path, func(at Place, now time.Time) error {
		if x := at.Folder.Shared(name); x != nil {
			at.Folder.Change(x, now, func(x *Secret) { x.Value = value })
		} else {
			at.Folder.AddSecret(name, value, false, now)
		}
		return nil
	})
}

// SetPersonal creates or changes the user's override of a shared secret.
func (e *Editor) SetPersonal(project, env, path, name, value string) error {
	return e.secret(project, env, path, name, func(at Place, _ *Secret, now time.Time) error {
		if x := at.Folder.Personal(name); x != nil {
			at.Folder.Change(x, now, func(x *Secret) { x.Value = value })
		} else {
			at.Folder.AddSecret(name, value, true, now)
		}
		return nil
	})
}

// Duplicate makes a second shared secret of a name that exists, as parallel
// creates can.
func (e *Editor) Duplicate(project, env, path, name, value string) error {
	return e.secret(project, env, path, name, func(at Place, _ *Secret, now time.Time) error {
		at.Folder.AddSecret(name, value, false, now)
		return nil
	})
}

// Delete removes the shared secrets of that name and the user's override.
func (e *Editor) Delete(project, env, path, name string) error {
	return e.secret(project, env, path, name, func(at Place, _ *Secret, now time.Time) error {
		at.Folder.Secrets = slices.DeleteFunc(at.Folder.Secrets, func(x *Secret) bool { return x.Key == name })
		at.Folder.SecretModified = now
		return nil
	})
}

// Rename gives a shared secret another name; id and history stay.
func (e *Editor) Rename(project, env, path, name, newName string) error {
	return e.secret(project, env, path, name, func(at Place, x *Secret, now time.Time) error {
		at.Folder.Change(x, now, func(x *Secret) { x.Key = newName })
		return nil
	})
}

// Comment sets a secret's comment.
func (e *Editor) Comment(project, env, path, name, comment string) error {
	return e.secret(project, env, path, name, func(at Place, x *Secret, now time.Time) error {
		at.Folder.Change(x, now, func(x *Secret) { x.Comment = comment })
		return nil
	})
}

// Tag replaces a secret's tags; tags that the project does not have are made.
func (e *Editor) Tag(project, env, path, name string, slugs ...string) error {
	return e.secret(project, env, path, name, func(at Place, x *Secret, now time.Time) error {
		ids := []string{}
		for _, slug := range slugs {
			ids = append(ids, at.Project.EnsureTag(slug, now).ID)
		}
		at.Folder.Change(x, now, func(x *Secret) { x.Tags = ids })
		return nil
	})
}

// Metadata replaces a secret's metadata.
func (e *Editor) Metadata(project, env, path, name string, values map[string]string) error {
	return e.secret(project, env, path, name, func(at Place, x *Secret, now time.Time) error {
		list := []Metadata{}
		for _, k := range SortedKeys(values) {
			list = append(list, Metadata{Key: k, Value: values[k]})
		}
		at.Folder.Change(x, now, func(x *Secret) { x.Metadata = list })
		return nil
	})
}

// Rotate says whether a secret is managed by a rotation, which protects it.
func (e *Editor) Rotate(project, env, path, name string, on bool) error {
	return e.secret(project, env, path, name, func(_ Place, x *Secret, _ time.Time) error {
		x.Rotated = on
		return nil
	})
}

// Mkdir makes a folder and the parents that are missing. The names are not checked.
func (e *Editor) Mkdir(projectSlug, env, path string) error {
	return e.environment(projectSlug, env, func(p *Project, en *Environment, now time.Time) error {
		f := en.Root
		for _, name := range splitPath(path) {
			next := f.Child(name)
			if next == nil {
				next = f.AddFolder(name, now)
			}
			f = next
		}
		return nil
	})
}

// Rmdir removes a folder with all that is in it.
func (e *Editor) Rmdir(project, env, path string) error {
	return e.folder(project, env, path, func(at Place, _ time.Time) error {
		parent := at.Env.Root.ParentOf(at.Folder)
		if parent == nil {
			return fmt.Errorf("the root folder cannot be removed")
		}
		parent.RemoveFolder(at.Folder)
		return nil
	})
}

// RenameFolder gives a folder another name. The name is not checked.
func (e *Editor) RenameFolder(project, env, path, newName string) error {
	return e.folder(project, env, path, func(at Place, now time.Time) error {
		at.Folder.Name = newName
		at.Folder.Version++
		at.Folder.UpdatedAt = now
		return nil
	})
}

// Import makes a folder import another one of the same project, behind the
// imports that it has.
func (e *Editor) Import(project, env, path, fromEnv, fromPath string) error {
	return e.folder(project, env, path, func(at Place, now time.Time) error {
		at.Folder.AddImport(fromEnv, fromPath, now)
		return nil
	})
}

// Unimport removes all imports of a source.
func (e *Editor) Unimport(project, env, path, fromEnv, fromPath string) error {
	return e.folder(project, env, path, func(at Place, _ time.Time) error {
		at.Folder.Imports = slices.DeleteFunc(at.Folder.Imports, func(im *SecretImport) bool { return im.Env == fromEnv && im.Path == fromPath })
		return nil
	})
}
