// Package diff says what is shown otherwise after a change of a folder: it compares two
// snapshots by file names. A change is compared once, and all that follows of it (what
// is revoked, what the kernel has to forget, what watchers hear) follows of that:
//
//	for _, d := range diff.Of(change) {
//		if d.Appeared() { ... }
//	}
package diff

import (
	"slices"
	"strings"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/secret"
)

// Difference is a file name under which two snapshots of a folder do not show the
// same: another kind of thing, another content, or one of them nothing (the zero
// entry).
type Difference struct {
	Shown         string
	Before, After filename.Entry
}

// Appeared reports whether there was nothing before.
func (d Difference) Appeared() bool { return d.Before == filename.Entry{} }

// Vanished reports whether there is nothing after.
func (d Difference) Vanished() bool { return d.After == filename.Entry{} }

// Replaced reports whether there was a folder and is a secret, or the other way
// round. Otherwise it is one inode that is there before and after, because a file
// name stands for one name.
func (d Difference) Replaced() bool {
	return !d.Appeared() && !d.Vanished() && (d.Before.Folder == nil) != (d.After.Folder == nil)
}

// Denied reports whether the server keeps the value from us that is there after.
func (d Difference) Denied() bool { return d.After.Secret != nil && d.After.Secret.Denied() }

// Hides is Denied where it was not so before.
func (d Difference) Hides() bool {
	return d.Denied() && (d.Before.Secret == nil || !d.Before.Secret.Denied())
}

// Of compares what a change has changed. Without an old snapshot all of the new one
// counts as having appeared; without a new one nothing can be said.
func Of(change secret.Change) []Difference {
	if change.New == nil {
		return nil
	}
	old := change.Old
	if old == nil {
		old = &secret.Folder{Dir: change.New.Dir}
	}
	return Folders(old, change.New, change.Names)
}

// Folders compares two snapshots of a folder by what they show. It looks only at what
// the server calls by one of names; nil: at everything.
func Folders(before, after *secret.Folder, names []string) (list []Difference) {
	if names == nil {
		names = differing(before, after)
	}
	for _, name := range names {
		old, now := entriesOf(before, name), entriesOf(after, name)
		for _, was := range old {
			d := Difference{Shown: was.shown, Before: was.Entry}
			for _, is := range now {
				if is.shown == was.shown {
					d.After = is.Entry
				}
			}
			if d.Vanished() || d.Replaced() || !same(d.Before, d.After) {
				list = append(list, d)
			}
		}
		for _, is := range now {
			if !slices.ContainsFunc(old, func(was shownEntry) bool { return was.shown == is.shown }) {
				list = append(list, Difference{Shown: is.shown, After: is.Entry})
			}
		}
	}
	return list
}

// same reports whether two entries of one kind make no difference.
func same(a, b filename.Entry) bool {
	if a.Folder != nil {
		return sameFolder(a.Folder, b.Folder)
	}
	return sameSecret(a.Secret, b.Secret)
}

func sameFolder(a, b *secret.Subfolder) bool { return a.Updated.Equal(b.Updated) }

// sameSecret also tells a value that is denied from one that the server has sent
// damaged: only the former may not be shown any longer to who has an old one open.
func sameSecret(a, b *secret.Secret) bool {
	return pagecache.SameContent(a, b) && a.Denied() == b.Denied()
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
	sideBySide(before.Secrets, after.Secrets, func(s *secret.Secret) string { return s.Name }, sameSecret, add)
	sideBySide(before.Folders, after.Folders, func(sub *secret.Subfolder) string { return sub.Name }, sameFolder, add)
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
