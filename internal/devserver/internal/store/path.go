package store

import "strings"

// Place is a folder and where it is.
type Place struct {
	Project *Project
	Env     *Environment
	Path    string
	Folder  *Folder
}

// SecretPath puts the path of a secret route into the form in which it is looked
// up. A missing slash at the front stays missing, and nothing will be found.
func SecretPath(path string) string { return withoutLastSlash(TrimSpace(path)) }

// FolderPath does the same for the folder and import routes, which supply the
// slash at the front.
func FolderPath(path string) string {
	path = SecretPath(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

func withoutLastSlash(path string) string {
	if path == "/" {
		return path
	}
	return strings.TrimSuffix(path, "/")
}

// Walk finds the folder below f that an absolute path names, nil if there is none.
func (f *Folder) Walk(path string) *Folder {
	if path == "/" {
		return f
	}
	if !strings.HasPrefix(path, "/") {
		return nil
	}
	for name := range strings.SplitSeq(path[1:], "/") {
		if f = f.Child(name); f == nil || name == "" {
			return nil
		}
	}
	return f
}

// maxDepth is how deep a recursive list goes.
const MaxDepth = 20

// Below returns the place and all places below it, parents first.
func (at Place) Below() []Place {
	all := []Place{at}
	level := all
	for range MaxDepth {
		var next []Place
		for _, l := range level {
			for _, f := range l.Folder.Folders {
				next = append(next, Place{at.Project, at.Env, JoinPath(l.Path, f.Name), f})
			}
		}
		all = append(all, next...)
		level = next
	}
	return all
}

// JoinPath returns the absolute path of the child name.
func JoinPath(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

// ParentOf finds the folder below f, or f itself, that has the child; nil if none has.
func (f *Folder) ParentOf(child *Folder) *Folder {
	for _, x := range f.Folders {
		if x == child {
			return f
		}
		if p := x.ParentOf(child); p != nil {
			return p
		}
	}
	return nil
}

// ChildOf finds a folder by its id, if it looks like one, else by its name.
func (f *Folder) ChildOf(idOrName string) *Folder {
	if IsUUID(idOrName) {
		return Find(f.Folders, func(x *Folder) bool { return x.ID == idOrName })
	}
	return f.Child(idOrName)
}

// Folder finds a folder by the slugs of project and environment and an absolute path;
// nil if there is none.
func (st *State) Folder(project, env, path string) *Folder {
	p := st.ProjectBySlug(project)
	if p == nil {
		return nil
	}
	e := p.Env(env)
	if e == nil {
		return nil
	}
	return e.Root.Walk(path)
}

// TrimSpace cuts off white space as JavaScript understands it: Go's set without
// U+0085, with U+FEFF.
func TrimSpace(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		switch {
		case r >= '\t' && r <= '\r', r == ' ', r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200a:
			return true
		case r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000, r == 0xfeff:
			return true
		}
		return false
	})
}

// StoredValue is what the server makes of a value that is written: white space
// around it goes, except that one newline stays when the last character was one.
func StoredValue(v string) string {
	trimmed := TrimSpace(v)
	if strings.HasSuffix(v, "\n") {
		trimmed += "\n"
	}
	return trimmed
}
