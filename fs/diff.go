package fs

import (
	"slices"
	"strings"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/secret"
)

// difference is a file name under which two snapshots of a folder do not show the
// same: another kind of thing, another content, or one of them nothing (the zero
// entry).
type difference struct {
	shown         string
	before, after filename.Entry
}

// diff compares two snapshots of a folder by what they show. It looks only at what
// the server calls by one of names; nil: at everything.
func diff(before, after *secret.Folder, names []string) (list []difference) {
	if names == nil {
		names = differing(before, after)
	}
	for _, name := range names {
		old, now := entriesOf(before, name), entriesOf(after, name)
		for _, was := range old {
			d := difference{shown: was.shown, before: was.Entry}
			for _, is := range now {
				if is.shown == was.shown {
					d.after = is.Entry
				}
			}
			if d.after == (filename.Entry{}) || !sameThing(d.before, d.after) || !sameContent(d.before, d.after) {
				list = append(list, d)
			}
		}
		for _, is := range now {
			if !slices.ContainsFunc(old, func(was shownEntry) bool { return was.shown == is.shown }) {
				list = append(list, difference{shown: is.shown, after: is.Entry})
			}
		}
	}
	return list
}

// shownEntry is an entry under its file name.
type shownEntry struct {
	shown string
	filename.Entry
}

// entriesOf returns what a snapshot shows of what the server calls name: a folder,
// a secret, or a secret beside its folder.
func entriesOf(snap *secret.Folder, name string) (list []shownEntry) {
	sub, isFolder := snap.Subfolder(name)
	if isFolder {
		list = append(list, shownEntry{filename.Encode(name), filename.Entry{Folder: &sub}})
	}
	if s, ok := snap.Secret(name); ok {
		shown := filename.Encode(name)
		if isFolder {
			shown = filename.Beside(name)
		}
		list = append(list, shownEntry{shown, filename.Entry{Secret: &s}})
	}
	return list
}

// differing returns the names of the server's under which two snapshots have
// something else. Both are gone through once, side by side: they are in order.
func differing(before, after *secret.Folder) (names []string) {
	add := func(name string) { names = append(names, name) }
	sideBySide(before.Secrets, after.Secrets, func(s *secret.Secret) string { return s.Name }, pagecache.SameContent, add)
	sideBySide(before.Folders, after.Folders, func(sub *secret.Subfolder) string { return sub.Name },
		func(a, b *secret.Subfolder) bool { return a.Updated.Equal(b.Updated) }, add)
	slices.Sort(names)
	return slices.Compact(names)
}

// sideBySide calls differs with the names of all that is in one list only, or is
// not the same in both.
func sideBySide[T any](a, b []T, name func(*T) string, same func(x, y *T) bool, differs func(string)) {
	for i, j := 0, 0; i < len(a) || j < len(b); {
		order := 0
		switch {
		case i == len(a):
			order = 1
		case j == len(b):
			order = -1
		default:
			order = strings.Compare(name(&a[i]), name(&b[j]))
		}
		switch {
		case order < 0:
			differs(name(&a[i]))
			i++
		case order > 0:
			differs(name(&b[j]))
			j++
		default:
			if !same(&a[i], &b[j]) {
				differs(name(&a[i]))
			}
			i, j = i+1, j+1
		}
	}
}

// concerned ranges over the secrets that are there after a change and may be others
// than before.
func concerned(change secret.Change) func(yield func(*secret.Secret) bool) {
	return func(yield func(*secret.Secret) bool) {
		if change.New == nil {
			return
		}
		if change.Names == nil {
			for i := range change.New.Secrets {
				if !yield(&change.New.Secrets[i]) {
					return
				}
			}
			return
		}
		for _, name := range change.Names {
			if s, ok := change.New.Secret(name); ok && !yield(&s) {
				return
			}
		}
	}
}
