package overlay

import (
	"cmp"
	"slices"
	"time"
)

// Waiting is something of the overlay that is lost if the mount ends now.
type Waiting struct {
	At       Name // by file name
	File     *File
	Cover    *Whiteout // of a secret whose rename was not carried out yet, else nil
	OnlyCopy bool      // of an editor's emergency or swap file
	Spare    bool      // of a file that was left empty by its maker; else of a doubtful file
	Size     int       // bytes
	UID      uint32    // whose it is
	Since    time.Time
}

// Waiting returns what of the overlay would be lost, by place: texts that may
// become secrets, renames that were not carried out, and what editors keep of
// what was typed.
func (o *Overlay) Waiting() (list []Waiting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, part := range o.folders {
		for _, f := range part.files {
			w := Waiting{At: f.at, File: f, OnlyCopy: f.onlyCopy, Spare: f.spared, Size: f.size, UID: f.caller.Uid, Since: f.closed}
			switch {
			case f.holds.pending():
				w.Cover = f.holds
			case f.size == 0 || f.class != Doubtful && !f.onlyCopy && !f.spared:
				continue
			}
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(a.At.Dir.String(), b.At.Dir.String()), cmp.Compare(a.At.Name, b.At.Name))
	})
	return list
}
