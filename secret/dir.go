package secret

import (
	"path"
	"strings"
)

// Dir names one directory of the tree that people see. It has three levels:
//
//	Dir{}                                   the list of projects
//	Dir{Project: "demo"}                    the environments of a project
//	Dir{Project: "demo", Env: "dev", Path: "/payments"}   a folder
//
// Project and Env are slugs. Path is set exactly when Env is: it starts with a
// slash, has no trailing one, and "/" is the environment's own folder. A Dir is
// comparable and can be a map key.
type Dir struct{ Project, Env, Path string }

// Child returns the directory called name inside d. The name is the server's
// own, not the escaped one that the file system shows.
func (d Dir) Child(name string) Dir {
	switch {
	case d.Project == "":
		return Dir{Project: name}
	case d.Env == "":
		return Dir{Project: d.Project, Env: name, Path: "/"}
	default:
		return Dir{Project: d.Project, Env: d.Env, Path: path.Join(d.Path, name)}
	}
}

// Leads reports whether [Dir.Child] can tell a directory of that name. Paths have
// no escapes, so one called "a/b" or ".." has none.
func (d Dir) Leads(name string) bool {
	child := d.Child(name)
	return child.Name() == name && child.Parent() == d && child != d
}

// Parent returns the directory that contains d. The root is its own parent.
func (d Dir) Parent() Dir {
	switch {
	case d.Env == "":
		return Dir{}
	case d.Path == "/":
		return Dir{Project: d.Project}
	default:
		return Dir{Project: d.Project, Env: d.Env, Path: path.Dir(d.Path)}
	}
}

// Name returns the last element: the project, the environment or the folder.
func (d Dir) Name() string {
	switch {
	case d.Env == "":
		return d.Project
	case d.Path == "/":
		return d.Env
	default:
		return path.Base(d.Path)
	}
}

// IsFolder reports whether d can hold secrets, as opposed to listing projects
// or environments.
func (d Dir) IsFolder() bool { return d.Env != "" }

// Contains reports whether other is d itself or lies below it.
func (d Dir) Contains(other Dir) bool {
	switch {
	case d.Project == "":
		return true
	case d.Project != other.Project:
		return false
	case d.Env == "":
		return true
	case d.Env != other.Env:
		return false
	case d.Path == "/":
		return true
	default:
		return other.Path == d.Path || strings.HasPrefix(other.Path, d.Path+"/")
	}
}

// String returns d in the form that logs and messages use: /demo/dev/payments.
func (d Dir) String() string {
	return path.Join("/", d.Project, d.Env, d.Path)
}
