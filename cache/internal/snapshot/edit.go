package snapshot

import (
	"slices"
	"strings"
	"time"

	"infisicalfs/secret"
)

// Edit is what a change that the server has made means for a snapshot of its folder:
// it returns the folder as it is now, which is f itself if nothing is different, and
// false if that is not certain, when the result is of no use. It is not certain
// rather than guessed where a value refers to others, where what is shown is not the
// folder's own shared secret, and where the snapshot is not what the change found on
// the server. The last keeps changes right whose answers arrive in another order than
// the server made them.
type Edit = func(f *secret.Folder) (next *secret.Folder, certain bool)

// Uncertain is the Edit of which nothing can be known without asking.
func Uncertain(*secret.Folder) (*secret.Folder, bool) { return nil, false }

// CreateSecret: s is new.
func CreateSecret(s secret.Secret) Edit {
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

// UpdateSecret: s has a new value.
func UpdateSecret(s secret.Secret) Edit {
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

// AnnotateSecret: s has other comments or tags, which make a version too.
func AnnotateSecret(s secret.Secret) Edit {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		next, ok := f.Secret(s.Name)
		if !ok || !follows(s, next) {
			return f, isThere(f, s)
		}
		next.Version, next.Comment, next.Tags, next.Updated = s.Version, s.Comment, s.Tags, s.Updated
		return with(f, next), true
	}
}

// DeleteSecret: the folder's own secret of that name is gone. An import may have
// one of the same name, so the result is no proof of its absence (Partial).
func DeleteSecret(name string) Edit {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		shown, ok := f.Secret(name)
		if !ok || shown.Import != nil {
			return nil, false
		}
		return without(f, name), true
	}
}

// RenameSecret: what was called from is s now. Where the server cannot rename, s is
// another secret, with a new id.
func RenameSecret(from string, s secret.Secret) Edit {
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
		was := list[i].Value
		list[i] = s
		if !was.Equal(s.Value) {
			secret.MoveFrom(was, list)
		}
	} else {
		list = slices.Insert(list, i, s)
	}
	return f.With(func(f *secret.Folder) { f.Secrets, f.NeverHadSecrets = list, false })
}

// without takes a name out. It may still exist, from an import: so the result is
// no proof of its absence.
func without(f *secret.Folder, name string) *secret.Folder {
	return f.With(func(f *secret.Folder) {
		f.Partial = true
		i, found := slices.BinarySearchFunc(f.Secrets, name, func(s secret.Secret, name string) int { return strings.Compare(s.Name, name) })
		if found {
			gone := f.Secrets[i].Value
			f.Secrets = slices.Concat(f.Secrets[:i], f.Secrets[i+1:])
			secret.MoveFrom(gone, f.Secrets)
		}
	})
}

// CreateFolder: there is a new subfolder. Its id will be known later.
func CreateFolder(name string) Edit {
	return subfolders(func(list []secret.Subfolder) ([]secret.Subfolder, bool) {
		at, taken := find(list, name)
		if taken {
			return nil, false
		}
		return slices.Insert(list, at, secret.Subfolder{Name: name, Updated: time.Now()}), true
	})
}

// DeleteFolder: a subfolder is gone.
func DeleteFolder(name string) Edit {
	return subfolders(func(list []secret.Subfolder) ([]secret.Subfolder, bool) {
		at, ok := find(list, name)
		if !ok {
			return nil, false
		}
		return slices.Delete(list, at, at+1), true
	})
}

// RenameFolder: a subfolder has another name.
func RenameFolder(from, to string) Edit {
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
func subfolders(change func([]secret.Subfolder) ([]secret.Subfolder, bool)) Edit {
	return func(f *secret.Folder) (*secret.Folder, bool) {
		if f.NoSubfolders {
			return f, true
		}
		list, certain := change(slices.Clone(f.Folders))
		return f.With(func(f *secret.Folder) { f.Folders = list }), certain
	}
}
