package fs

import (
	"context"
	"iter"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/tempname"
	"infisicalfs/secret"
)

// kind is what a file is that is created. The zero kind is a secret.
type kind struct {
	scratch bool
	class   overlay.Class // of a scratch file
	draft   bool          // it may be the only copy of what was typed
}

// kindOf decides what a file is that is created: a secret, or scratch. What is
// there already is what it is; then the name counts, and for names that could be
// both, who creates it and how.
func (f *FS) kindOf(ctx context.Context, snap *secret.Folder, shown string, flags, mode uint32) kind {
	e, taken := filename.Resolve(snap, shown)
	if taken && (e.Folder != nil || f.overlay.Whiteout(snap.Dir, e.Secret.Name) == nil) {
		return kind{}
	}
	if sc := f.overlay.Find(snap.Dir, shown); sc != nil || f.names.Temporary(shown, f.siblings(snap)) {
		return kind{scratch: true, draft: tempname.Draft(shown)}
	}
	if name, ok := filename.Decode(shown); taken || ok && f.overlay.WasUnlinked(snap.Dir, name) {
		return kind{} // it is written anew
	}
	if tempname.MayBeEmergency(shown) {
		sibling := func(name string) bool { _, ok := filename.Resolve(snap, name); return ok }
		if yes, unsent := tempname.Emergency(shown, caller.Program(callerOf(ctx).Pid), flags, sibling); yes {
			return kind{scratch: true, draft: unsent}
		}
	}
	if tempname.Doubtful(shown, flags, mode, f.siblings(snap)) && f.overlay.HasRoomForDoubtful() {
		return kind{scratch: true, class: overlay.Doubtful}
	}
	return kind{}
}

// siblings returns the file names of all that a folder has, of what is being
// made in it, and of what was removed from it a moment ago. A program's
// temporary is called after one of them.
func (f *FS) siblings(snap *secret.Folder) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range snap.Secrets {
			if !yield(filename.OfSecret(snap, snap.Secrets[i].Name)) {
				return
			}
		}
		for _, name := range f.drafts.namesIn(snap.Dir) {
			if !yield(filename.Encode(name)) {
				return
			}
		}
		for _, name := range f.overlay.NamesUnlinked(snap.Dir) {
			if !yield(filename.Encode(name)) {
				return
			}
		}
	}
}
