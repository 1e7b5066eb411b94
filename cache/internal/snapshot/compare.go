package snapshot

import (
	"slices"
	"strings"

	"infisicalfs/secret"
)

// Same reports whether people would see no difference. Dates alone are none, and
// neither is a list of subfolders or secrets that was not asked for, or the id of a folder
// that was made here, which is not known at first.
func Same(a, b *secret.Folder) bool {
	if (a.Denied == nil) != (b.Denied == nil) {
		return false
	}
	if !a.NoSecrets && !b.NoSecrets && !slices.EqualFunc(a.Secrets, b.Secrets, sameSecret) {
		return false
	}
	return a.NoSubfolders || b.NoSubfolders || slices.EqualFunc(a.Folders, b.Folders, sameSubfolder)
}

// Compared returns old as it is to be compared with next: secrets that were not asked for are
// those of next, as nobody was shown others.
func Compared(old, next *secret.Folder) *secret.Folder {
	if old == nil || next == nil || !old.NoSecrets || next.NoSecrets {
		return old
	}
	return old.With(func(f *secret.Folder) { f.Secrets, f.NoSecrets = next.Secrets, false })
}

// SameAt is [Same] for two snapshots that can differ under these names only.
func SameAt(a, b *secret.Folder, names []string) bool {
	for _, name := range names {
		x, had := a.Secret(name)
		y, has := b.Secret(name)
		if had != has || has && !sameSecret(x, y) {
			return false
		}
		before, hadFolder := a.Subfolder(name)
		after, hasFolder := b.Subfolder(name)
		if a.NoSubfolders || b.NoSubfolders {
			continue
		}
		if hadFolder != hasFolder || hasFolder && !sameSubfolder(before, after) {
			return false
		}
	}
	return true
}

// Differing returns the names, in order, under which two snapshots have a secret or a
// subfolder that is not the same in each respect, dates and all; a list of secrets that was not
// asked for differs in none. Both are gone through once, side by side.
func Differing(a, b *secret.Folder) []string {
	names := []string{}
	add := func(name string) { names = append(names, name) }
	if !a.NoSecrets && !b.NoSecrets {
		sideBySide(a.Secrets, b.Secrets, func(s *secret.Secret) string { return s.Name }, identical, add)
	}
	sideBySide(a.Folders, b.Folders, func(s *secret.Subfolder) string { return s.Name },
		func(a, b *secret.Subfolder) bool { return a.ID == b.ID && a.Updated.Equal(b.Updated) }, add)
	slices.Sort(names)
	return slices.Compact(names)
}

// sideBySide calls add with the names of all that is in one list only, or not the same
// in both.
func sideBySide[T any](a, b []T, name func(*T) string, same func(a, b *T) bool, add func(string)) {
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = strings.Compare(name(&a[0]), name(&b[0]))
		}
		switch {
		case order < 0:
			add(name(&a[0]))
		case order > 0:
			add(name(&b[0]))
		case &a[0] != &b[0] && !same(&a[0], &b[0]):
			add(name(&a[0]))
		}
		if order <= 0 {
			a = a[1:]
		}
		if order >= 0 {
			b = b[1:]
		}
	}
}

// identical reports whether two secrets of one name are the same in each respect.
func identical(a, b *secret.Secret) bool {
	return a.ID == b.ID && a.Version == b.Version && a.Value.Equal(b.Value) && a.Updated.Equal(b.Updated) && a.Created.Equal(b.Created) &&
		a.Hidden == b.Hidden && a.Garbled == b.Garbled && a.Personal == b.Personal && a.Rotated == b.Rotated &&
		a.Reason == b.Reason && a.Comment == b.Comment && slices.Equal(a.Tags, b.Tags) && slices.Equal(a.Metadata, b.Metadata) &&
		samePlace(a.Import, b.Import) && samePlace(a.Origin, b.Origin)
}

func samePlace[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func sameSecret(a, b secret.Secret) bool {
	return a.Name == b.Name && a.Hidden == b.Hidden && SameVersion(a, b)
}

func sameSubfolder(a, b secret.Subfolder) bool {
	return a.Name == b.Name && (a.ID == b.ID || a.ID == "" || b.ID == "")
}

// SameVersion reports whether a and b are one version of one secret, with one value.
func SameVersion(a, b secret.Secret) bool {
	return a.ID == b.ID && a.Version == b.Version && a.Value.Equal(b.Value)
}

// Lacks reports whether folder is without a name that old has. A list of
// subfolders that was not asked for lacks none.
func Lacks(folder, old *secret.Folder) bool {
	for _, s := range old.Secrets {
		if _, ok := folder.Secret(s.Name); !ok {
			return true
		}
	}
	if folder.NoSubfolders {
		return false
	}
	for _, sub := range old.Folders {
		if _, ok := folder.Subfolder(sub.Name); !ok {
			return true
		}
	}
	return false
}

// Gone returns those of names that stood for something in before and certainly stand for
// nothing in after, into which before was edited: nothing that is removed from a folder
// without imports is shown in another form.
func Gone(before, after *secret.Folder, names []string) (gone []string) {
	if before.Imports {
		return nil
	}
	for _, name := range names {
		_, secretBefore := before.Secret(name)
		_, secretAfter := after.Secret(name)
		_, folderBefore := before.Subfolder(name)
		_, folderAfter := after.Subfolder(name)
		if (secretBefore || folderBefore) && !secretAfter && !folderAfter {
			gone = append(gone, name)
		}
	}
	return gone
}
