package cache

import (
	"slices"
	"strings"
	"time"

	"infisicalfs/secret"
)

// The edits: what a change that the server has means for a snapshot. Each says
// that it is not certain rather than guess: where a value refers to others, where
// what is shown is not the folder's own shared secret, and where the snapshot is
// not what the change found on the server. The last also keeps changes right
// whose answers arrive in another order than the server made them.

type editing = func(*secret.Folder) (*secret.Folder, bool)

func created(s secret.Secret) editing {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		shown, ok := f.Secret(s.Name)
		switch {
		case f.Denied != nil || !plain(s.Value):
			return nil, false
		case ok && shown.Import == nil: // an answer was faster, or it is another one
			return f, shown.ID == s.ID && shown.Version >= s.Version
		}
		return with(f, s), true
	}
}

func updated(s secret.Secret) editing {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		next, ok := f.Secret(s.Name)
		switch {
		case !ok || !follows(s, next) || !plain(s.Value):
			return f, isThere(f, s)
		}
		next.Version, next.Value, next.Updated = s.Version, s.Value, s.Updated
		return with(f, next), true
	}
}

func annotated(s secret.Secret) editing {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		next, ok := f.Secret(s.Name)
		if !ok || !follows(s, next) {
			return f, isThere(f, s)
		}
		next.Version, next.Comment, next.Tags, next.Updated = s.Version, s.Comment, s.Tags, s.Updated
		return with(f, next), true
	}
}

func deleted(name string) editing {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		shown, ok := f.Secret(name)
		if !ok || shown.Import != nil {
			return nil, false
		}
		return without(f, name), true
	}
}

// renamed: where the server cannot rename, the secret has a new id.
func renamed(from string, s secret.Secret) editing {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		next, ok := f.Secret(from)
		target, taken := f.Secret(s.Name)
		switch {
		case from == s.Name:
			return f, true
		case !ok || !isPlainOwn(next) || taken && target.Import == nil || !plain(s.Value):
			return nil, false
		case slices.ContainsFunc(f.Secrets, func(s secret.Secret) bool { return !plain(s.Value) }):
			return nil, false // servers follow the rename in references that are shown
		case next.ID != s.ID:
			next = s
		case !follows(s, next):
			return nil, false
		}
		next.Name, next.Version, next.Value, next.Updated = s.Name, s.Version, s.Value, s.Updated
		return with(without(f, from), next), true
	}
}

// follows reports whether s is the version after shown, of the same secret.
func follows(s, shown secret.Secret) bool {
	return isPlainOwn(shown) && shown.ID == s.ID && shown.Version+1 == s.Version
}

// isPlainOwn reports whether what is shown is the folder's own shared secret.
func isPlainOwn(shown secret.Secret) bool {
	return shown.Import == nil && !shown.Personal && !shown.Hidden
}

// isThere reports whether f has s already, or what came after it: an answer was
// faster than the change's own.
func isThere(f *secret.Folder, s secret.Secret) bool {
	shown, ok := f.Secret(s.Name)
	return ok && shown.Import == nil && !shown.Personal && shown.ID == s.ID && shown.Version >= s.Version
}

// plain reports whether a value is shown as it is stored.
func plain(v secret.Value) bool { return !v.HasReference() }

func with(f *secret.Folder, s secret.Secret) *secret.Folder {
	list := slices.Clone(f.Secrets)
	i, found := slices.BinarySearchFunc(list, s.Name, func(s secret.Secret, name string) int { return strings.Compare(s.Name, name) })
	if found {
		list[i] = s
	} else {
		list = slices.Insert(list, i, s)
	}
	return f.With(func(f *secret.Folder) { f.Secrets = list })
}

// without takes a name out. It may still exist, from an import: so the result is
// no proof of its absence.
func without(f *secret.Folder, name string) *secret.Folder {
	return f.With(func(f *secret.Folder) {
		f.Partial = true
		i, found := slices.BinarySearchFunc(f.Secrets, name, func(s secret.Secret, name string) int { return strings.Compare(s.Name, name) })
		if found {
			f.Secrets = slices.Concat(f.Secrets[:i], f.Secrets[i+1:])
		}
	})
}

func folderCreated(name string) editing {
	return subfolders(func(list []secret.Subfolder) ([]secret.Subfolder, bool) {
		at, taken := find(list, name)
		if taken {
			return nil, false
		}
		return slices.Insert(list, at, secret.Subfolder{Name: name, Updated: time.Now()}), true // the id will be known later
	})
}

func folderDeleted(name string) editing {
	return subfolders(func(list []secret.Subfolder) ([]secret.Subfolder, bool) {
		at, ok := find(list, name)
		if !ok {
			return nil, false
		}
		return slices.Delete(list, at, at+1), true
	})
}

func folderRenamed(from, to string) editing {
	return subfolders(func(list []secret.Subfolder) ([]secret.Subfolder, bool) {
		at, ok := find(list, from)
		if !ok {
			return nil, false
		}
		sub := list[at]
		sub.Name = to
		list = slices.Delete(list, at, at+1)
		at, taken := find(list, to)
		return slices.Insert(list, at, sub), !taken
	})
}

func find(list []secret.Subfolder, name string) (at int, ok bool) {
	return slices.BinarySearchFunc(list, name, func(s secret.Subfolder, name string) int { return strings.Compare(s.Name, name) })
}

// subfolders edits a copy of the list of folders, if it has been asked for.
func subfolders(change func([]secret.Subfolder) ([]secret.Subfolder, bool)) editing {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		if f.NoSubfolders {
			return f, true
		}
		list, certain := change(slices.Clone(f.Folders))
		return f.With(func(f *secret.Folder) { f.Folders = list }), certain
	}
}
