// Package overlay holds what the folders of a mount have here and the server has
// not: scratch files, scratch directories, secrets that are covered for a moment,
// and which names were unlinked a moment ago. As with an overlay file system there
// is what the server has, below, and what is only here, above; the nodes ask both.
//
// A scratch file ([File]) is an ordinary file in memory. Programs that write a
// secret make one beside it and rename it onto the secret's name; editors keep
// what was typed in one. What becomes of it by itself its [Class] says: nothing,
// if its name is a temporary's; if the name could be a secret's as well, its maker
// decides ([File.Follow]). A [Whiteout] covers a secret that was renamed to a
// backup's name, until it is known whether its program writes it anew.
//
//	var o overlay.Overlay
//	f := o.New(snap, overlay.Temporary, made)
//	o.Link(f, dir, "KEY.tmp")
//	o.Find(dir, "KEY.tmp") // f, until it is unlinked, renamed, or goes for others
//
// The overlay asks nobody, sends nothing and tells the kernel nothing. What is to
// be done when a fate is decided is a function of the caller's.
package overlay

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"infisicalfs/secret"
)

// Overlay is that of one mount. The zero Overlay is empty and ready, and safe for
// concurrent use.
//
// It is kept by folder and not by node, because the kernel forgets nodes. A
// folder that has nothing here takes no memory.
type Overlay struct {
	mu      sync.Mutex // guards what follows and all in it; nothing is called under it
	folders map[secret.Dir]*folder
	gone    map[Name]removal // secrets that were removed here, by the server's names
	sweep   time.Time        // when gone is rid next of those that nobody asks for any more
	rooms   [3]Room          // what scratch files take, by class
	dirs    int              // scratch directories
	clock   uint64           // of closes and new names of scratch files
	evicted uint64           // temporaries that had to go for others, ever

	made      atomic.Uint64 // scratch files and directories ever
	lastBasis atomic.Pointer[basis]
}

// Name is a name in a folder: the server's for a secret, a file name for what is
// here, as is said where it is used.
type Name struct {
	Dir  secret.Dir
	Name string
}

// String returns the path of a file name, from the top of all projects.
func (n Name) String() string { return n.Dir.Child(n.Name).String() }

// folder is one folder's part, or what is in a scratch directory. It is never
// empty.
type folder struct {
	files     map[string]*File     // by file name
	dirs      map[string]Dir       // scratch directories, by file name; what is in them is a folder of its own
	whiteouts map[string]*Whiteout // by the secret's name
}

func (p *folder) empty() bool {
	return len(p.files) == 0 && len(p.dirs) == 0 && len(p.whiteouts) == 0
}

// part returns the folder's part, which it makes if there is none.
// [Overlay.mu] is held; tidy has to follow if the part may be left empty.
func (o *Overlay) part(dir secret.Dir) *folder {
	if o.folders[dir] == nil {
		if o.folders == nil {
			o.folders = make(map[secret.Dir]*folder)
		}
		o.folders[dir] = &folder{
			files:     make(map[string]*File),
			dirs:      make(map[string]Dir),
			whiteouts: make(map[string]*Whiteout),
		}
	}
	return o.folders[dir]
}

// tidy drops the folder's part if it is empty. [Overlay.mu] is held.
func (o *Overlay) tidy(dir secret.Dir) {
	if part := o.folders[dir]; part != nil && part.empty() {
		delete(o.folders, dir)
	}
}

// look calls do with the folder's part, if it has one. It must change nothing.
func (o *Overlay) look(dir secret.Dir, do func(*folder)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if part := o.folders[dir]; part != nil {
		do(part)
	}
}

// MoveFolder takes everything in and below a renamed folder along.
func (o *Overlay) MoveFolder(from, to secret.Dir) {
	moved := func(dir secret.Dir) secret.Dir {
		dir.Path = to.Path + strings.TrimPrefix(dir.Path, from.Path)
		return dir
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir, part := range o.folders {
		if from.Contains(dir) {
			delete(o.folders, dir)
			o.folders[moved(dir)] = part
			for _, f := range part.files {
				f.at.Dir = moved(dir)
			}
		}
	}
	for f := range o.linked() {
		if from.Contains(f.dir) { // wherever it is
			f.dir = moved(f.dir)
		}
	}
	for name, removed := range o.gone {
		if from.Contains(name.Dir) {
			delete(o.gone, name)
			o.gone[Name{moved(name.Dir), name.Name}] = removed
		}
	}
}

// linked returns all files that have a name. [Overlay.mu] is held meanwhile.
func (o *Overlay) linked() iter.Seq[*File] {
	return func(yield func(*File) bool) {
		for _, part := range o.folders {
			for _, f := range part.files {
				if !yield(f) {
					return
				}
			}
		}
	}
}

// RemovedFolder says that a folder was removed here, after all that was in it: a file
// that was made in it and is elsewhere is based on nothing in a folder that is made
// in its place.
func (o *Overlay) RemovedFolder(dir secret.Dir) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for f := range o.linked() {
		if dir.Contains(f.dir) {
			f.basis = nil
		}
	}
}

// Drop ends all that is here of the folders that gone says. It calls gone with
// its lock held.
func (o *Overlay) Drop(gone func(secret.Dir) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir, part := range o.folders {
		if !gone(dir) {
			continue
		}
		for _, f := range part.files {
			o.unlink(f)
		}
		for _, w := range part.whiteouts {
			o.end(w)
		}
		o.dirs -= len(part.dirs)
		clear(part.dirs)
		o.tidy(dir)
	}
	for name := range o.gone {
		if gone(name.Dir) {
			delete(o.gone, name)
		}
	}
}

// Counts are numbers of what is here now, if nothing else is said.
type Counts struct {
	Temporary, Doubtful, Collected Room
	Evicted                        uint64 // temporaries that had to go for others, ever
	Whiteouts                      int
	Folders                        int // that have anything here
	Unlinked                       int // names that are remembered, see [Overlay.Unlinked]
	Dirs                           int // scratch directories
}

// Counts returns how much is here.
func (o *Overlay) Counts() Counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := Counts{
		Temporary: o.rooms[Temporary], Doubtful: o.rooms[Doubtful], Collected: o.rooms[Collected],
		Evicted: o.evicted, Folders: len(o.folders), Unlinked: len(o.gone), Dirs: o.dirs,
	}
	for _, part := range o.folders {
		c.Whiteouts += len(part.whiteouts)
	}
	return c
}

// Any returns the place of something that is only here, by its file name, or of a secret
// that is covered; false if there is nothing.
func (o *Overlay) Any() (Name, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir, part := range o.folders { // none is empty
		for name := range part.files {
			return Name{dir, name}, true
		}
		for name := range part.dirs {
			return Name{dir, name}, true
		}
		for name := range part.whiteouts {
			return Name{dir, name}, true
		}
	}
	return Name{}, false
}

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
