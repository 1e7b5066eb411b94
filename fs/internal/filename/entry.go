package filename

import (
	"iter"
	"strings"

	"infisicalfs/secret"
)

// Entry is what a file name stands for in a snapshot: a folder, or else a secret.
// The zero Entry is nothing. It points into the snapshot and keeps all of that in
// memory: who keeps a secret for longer than an operation makes a copy.
type Entry struct {
	Folder *secret.Subfolder
	Secret *secret.Secret
}

// OfSecret returns the file name of a secret in the snapshot. Where a folder
// has the same name, the folder keeps it.
func OfSecret(snap *secret.Folder, name string) string {
	if _, taken := snap.Subfolder(name); taken {
		return Beside(name)
	}
	return Encode(name)
}

// All ranges over what a snapshot has, with its file names: folders first.
func All(snap *secret.Folder) iter.Seq2[string, Entry] {
	return func(yield func(string, Entry) bool) {
		for i := range snap.Folders {
			if sub := &snap.Folders[i]; !yield(Encode(sub.Name), Entry{Folder: sub}) {
				return
			}
		}
		for i := range snap.Secrets {
			if s := &snap.Secrets[i]; !yield(OfSecret(snap, s.Name), Entry{Secret: s}) {
				return
			}
		}
	}
}

// Resolve finds what the snapshot shows under a file name. It does not show a folder
// whose name cannot be part of a path, such as "a/b" or "..".
func Resolve(snap *secret.Folder, shown string) (Entry, bool) {
	if name, ok := Decode(shown); ok {
		if i, ok := snap.FindSubfolder(name); ok {
			return Entry{Folder: &snap.Folders[i]}, snap.Dir.Leads(name)
		}
		if i, ok := snap.FindSecret(name); ok {
			return Entry{Secret: &snap.Secrets[i]}, true
		}
		return Entry{}, false
	}
	if !derived(shown) {
		return Entry{}, false
	}
	for name, e := range All(snap) {
		if name == shown {
			return e, e.Folder == nil || snap.Dir.Leads(e.Folder.Name)
		}
	}
	return Entry{}, false
}

// derived reports whether a file name may be one that only the snapshot can
// explain: one that was cut, or that of a secret beside its folder.
func derived(shown string) bool {
	return strings.Contains(shown, shortened) || strings.HasSuffix(shown, besideDir)
}

// Plausible reports whether a file name can be in any snapshot. It saves asking
// the Source for the others.
func Plausible(shown string) bool {
	_, ok := Decode(shown)
	return ok || derived(shown)
}
