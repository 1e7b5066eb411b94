package layout

import (
	"fmt"
	"slices"

	"infisicalfs/internal/glob"
	"infisicalfs/secret"
)

var errLeftOut = fmt.Errorf("%w: the mount leaves that name out (--include, --exclude)", secret.ErrProtected)

// LeavesOut says why no secret, or folder, of that name may be made in dir: it
// would not be shown. Nil: it may. The error wraps [secret.ErrProtected].
func (l *Layout) LeavesOut(dir secret.Dir, name string, folder bool) error {
	shown := l.showsSecret(l.elements(dir), name)
	if folder {
		shown = l.shows(dir.Child(name))
	}
	if !shown {
		return errLeftOut
	}
	return nil
}

// showsSecret reports whether a secret is shown that lies below these elements.
func (l *Layout) showsSecret(above []string, name string) bool {
	elements := append(slices.Clip(above), name)
	return l.includes(elements) && !l.excludes(elements)
}

// shows reports whether a directory is shown. So is what leads to something
// included.
func (l *Layout) shows(dir secret.Dir) bool {
	if !l.cfg.chooses() || dir == l.cfg.Root {
		return true
	}
	elements := l.elements(dir)
	return !l.excludes(elements) && (l.includes(elements) || slices.ContainsFunc(l.cfg.Include, func(p glob.Pattern) bool {
		return p.Enters(elements...)
	}))
}

// folders returns the subfolders of snap that are shown.
func (l *Layout) folders(snap *secret.Folder) []secret.Subfolder {
	if !l.cfg.chooses() {
		return snap.Folders
	}
	var list []secret.Subfolder
	for _, sub := range snap.Folders {
		if l.shows(snap.Dir.Child(sub.Name)) {
			list = append(list, sub)
		}
	}
	return list
}

func (l *Layout) includes(elements []string) bool {
	return len(l.cfg.Include) == 0 || covers(l.cfg.Include, elements)
}

func (l *Layout) excludes(elements []string) bool { return covers(l.cfg.Exclude, elements) }

func covers(patterns []glob.Pattern, elements []string) bool {
	return slices.ContainsFunc(patterns, func(p glob.Pattern) bool { return p.Covers(elements...) })
}

// elements returns the names that lead from the root to dir.
func (l *Layout) elements(dir secret.Dir) []string {
	var list []string
	for ; dir != l.cfg.Root && dir != (secret.Dir{}); dir = dir.Parent() {
		list = append(list, dir.Name())
	}
	slices.Reverse(list)
	return list
}
