package fs

import (
	"path"

	"infisicalfs/fs/internal/filename"
)

// unsentOverlay describes what of the overlay would be lost.
func (f *FS) unsentOverlay() (list []UnsentText) {
	for _, w := range f.overlay.waiting() {
		t := UnsentText{Path: path.Join(w.at.dir.String(), w.at.name), Kind: UnsentWaiting, Size: w.size, UID: w.uid, At: w.since}
		switch {
		case w.cover != nil:
			t.Why = filename.Encode(w.cover.name) + " was renamed to it, the name of a backup, and may be about to be written anew"
		case w.draft:
			t.Kind, t.Why = UnsentEmergency, "what an editor has saved here may be nowhere else"
		case w.spare:
			t.Why = "a program made it empty and ended, as mktemp does, and another has filled it: it stays here unless somebody renames it"
		default:
			t.Why = "its name may be a temporary file's, and whoever made it may rename it"
		}
		list = append(list, t)
	}
	return list
}
