package devserver

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Editor changes a server behind its clients' backs, as somebody at the web
// interface would: no request is logged, no token used, no limit touched.
// Projects and environments are slugs, paths are absolute. Each method is one
// change, seen by clients at once; it fails when what it needs is not there.
type Editor struct{ s *Server }

// Edit runs edit and then saves what it changed. It returns edit's error; what
// was changed before the error stays.
func (s *Server) Edit(edit func(*Editor) error) error {
	err := edit(&Editor{s})
	return errors.Join(err, s.save())
}

// Set creates a shared secret or gives it a new value, which is stored as it
// stands, untrimmed.
func (e *Editor) Set(project, env, path, name, value string) error {
	return e.folder(project, env, path, func(at place, now time.Time) error {
		if x := at.f.shared(name); x != nil {
			at.f.change(x, now, func(x *secret) { x.Value = value })
		} else {
			at.f.addSecret(name, value, false, now)
		}
		return nil
	})
}

// SetPersonal creates or changes the user's override of a shared secret.
func (e *Editor) SetPersonal(project, env, path, name, value string) error {
	return e.secret(project, env, path, name, func(at place, _ *secret, now time.Time) error {
		if x := at.f.personal(name); x != nil {
			at.f.change(x, now, func(x *secret) { x.Value = value })
		} else {
			at.f.addSecret(name, value, true, now)
		}
		return nil
	})
}

// Duplicate makes a second shared secret of a name that exists, as parallel
// creates can.
func (e *Editor) Duplicate(project, env, path, name, value string) error {
	return e.secret(project, env, path, name, func(at place, _ *secret, now time.Time) error {
		at.f.addSecret(name, value, false, now)
		return nil
	})
}

// Delete removes the shared secrets of that name and the user's override.
func (e *Editor) Delete(project, env, path, name string) error {
	return e.secret(project, env, path, name, func(at place, _ *secret, now time.Time) error {
		at.f.Secrets = slices.DeleteFunc(at.f.Secrets, func(x *secret) bool { return x.Key == name })
		at.f.SecretModified = now
		return nil
	})
}

// Rename gives a shared secret another name; id and history stay.
func (e *Editor) Rename(project, env, path, name, newName string) error {
	return e.secret(project, env, path, name, func(at place, x *secret, now time.Time) error {
		at.f.change(x, now, func(x *secret) { x.Key = newName })
		return nil
	})
}

// Comment sets a secret's comment.
func (e *Editor) Comment(project, env, path, name, comment string) error {
	return e.secret(project, env, path, name, func(at place, x *secret, now time.Time) error {
		at.f.change(x, now, func(x *secret) { x.Comment = comment })
		return nil
	})
}

// Tag replaces a secret's tags; tags that the project does not have are made.
func (e *Editor) Tag(project, env, path, name string, slugs ...string) error {
	return e.secret(project, env, path, name, func(at place, x *secret, now time.Time) error {
		ids := []string{}
		for _, slug := range slugs {
			ids = append(ids, at.p.ensureTag(slug, now).ID)
		}
		at.f.change(x, now, func(x *secret) { x.Tags = ids })
		return nil
	})
}

// Metadata replaces a secret's metadata.
func (e *Editor) Metadata(project, env, path, name string, values map[string]string) error {
	return e.secret(project, env, path, name, func(at place, x *secret, now time.Time) error {
		list := []metadata{}
		for _, k := range sortedKeys(values) {
			list = append(list, metadata{Key: k, Value: values[k]})
		}
		at.f.change(x, now, func(x *secret) { x.Metadata = list })
		return nil
	})
}

// Rotate says whether a secret is managed by a rotation, which protects it.
func (e *Editor) Rotate(project, env, path, name string, on bool) error {
	return e.secret(project, env, path, name, func(_ place, x *secret, _ time.Time) error {
		x.Rotated = on
		return nil
	})
}

// Mkdir makes a folder and the parents that are missing. The names are not checked.
func (e *Editor) Mkdir(projectSlug, env, path string) error {
	return e.environment(projectSlug, env, func(p *project, en *environment, now time.Time) error {
		f := en.Root
		for _, name := range splitPath(path) {
			next := f.child(name)
			if next == nil {
				next = f.addFolder(name, now)
			}
			f = next
		}
		return nil
	})
}

// Rmdir removes a folder with all that is in it.
func (e *Editor) Rmdir(project, env, path string) error {
	return e.folder(project, env, path, func(at place, _ time.Time) error {
		parent := at.env.Root.parentOf(at.f)
		if parent == nil {
			return fmt.Errorf("the root folder cannot be removed")
		}
		parent.removeFolder(at.f)
		return nil
	})
}

// RenameFolder gives a folder another name. The name is not checked.
func (e *Editor) RenameFolder(project, env, path, newName string) error {
	return e.folder(project, env, path, func(at place, now time.Time) error {
		at.f.Name = newName
		at.f.Version++
		at.f.UpdatedAt = now
		return nil
	})
}

// Import makes a folder import another one of the same project, behind the
// imports that it has.
func (e *Editor) Import(project, env, path, fromEnv, fromPath string) error {
	return e.folder(project, env, path, func(at place, now time.Time) error {
		at.f.addImport(fromEnv, fromPath, now)
		return nil
	})
}

// Unimport removes all imports of a source.
func (e *Editor) Unimport(project, env, path, fromEnv, fromPath string) error {
	return e.folder(project, env, path, func(at place, _ time.Time) error {
		at.f.Imports = slices.DeleteFunc(at.f.Imports, func(im *secretImport) bool { return im.Env == fromEnv && im.Path == fromPath })
		return nil
	})
}
