package devserver

import (
	"regexp"
	"strings"
)

// place is a folder and where it is.
type place struct {
	p    *project
	env  *environment
	path string
	f    *folder
}

// legalPath is what a server of 2024 can look up; anything else is an internal
// error there. (Folders with other names exist all the same: renaming checks nothing.)
var legalPath = regexp.MustCompile(`^[A-Za-z0-9_/-]*$`)

// secretPath puts the path of a secret route into the form in which it is looked
// up. A missing slash at the front stays missing, and nothing will be found.
func secretPath(path string) string { return withoutLastSlash(trimSpace(path)) }

// folderPath does the same for the folder and import routes, which supply the
// slash at the front.
func folderPath(path string) string {
	path = secretPath(path)
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

// lookup finds a folder; f and env of the result are nil when there is none.
func (c *call) lookup(p *project, env, path string) (place, error) {
	at := place{p: p, env: p.env(env), path: path}
	if c.old() && !legalPath.MatchString(path) {
		return at, broken("Find by secret path")
	}
	if at.env != nil {
		at.f = at.env.Root.walk(path)
	}
	return at, nil
}

// walk finds the folder below f that an absolute path names, nil if there is none.
func (f *folder) walk(path string) *folder {
	if path == "/" {
		return f
	}
	if !strings.HasPrefix(path, "/") {
		return nil
	}
	for name := range strings.SplitSeq(path[1:], "/") {
		if f = f.child(name); f == nil || name == "" {
			return nil
		}
	}
	return f
}

// maxDepth is how deep a recursive list goes.
const maxDepth = 20

// below returns the place and all places below it, parents first.
func (at place) below() []place {
	all := []place{at}
	level := all
	for range maxDepth {
		var next []place
		for _, l := range level {
			for _, f := range l.f.Folders {
				next = append(next, place{at.p, at.env, joinPath(l.path, f.Name), f})
			}
		}
		all = append(all, next...)
		level = next
	}
	return all
}

func joinPath(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}
