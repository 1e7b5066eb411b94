package fs

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"infisicalfs/secret"
)

// overlay is what folders have here and the server has not: scratch files,
// secrets that are covered for a moment (whiteouts), handles that have a secret
// open for writing and may be about to create it (drafts), and which names were
// unlinked here a moment ago. The nodes ask it; it knows no nodes, asks nobody,
// and tells the kernel nothing.
//
// It is kept by folder and not by node, because the kernel forgets nodes. A
// folder that has nothing here takes no memory.
type overlay struct {
	mu      sync.Mutex // guards what follows and all in it; nothing is called under it
	folders map[secret.Dir]*overlayFolder
	gone    map[named]time.Time // when secrets were unlinked here
	sweep   time.Time           // when gone is rid next of those that are too long ago
	rooms   [3]room             // what scratch files take, by class
	dirs    int                 // scratch directories
	clock   uint64              // of closes and new names of scratch files
	evicted uint64              // faces that had to go for others, ever

	made      atomic.Uint64 // scratch files ever
	lastBasis atomic.Pointer[basis]
}

// named is a place for a secret or a scratch file: by the server's name or by
// the file name, as is said where it is used.
type named struct {
	dir  secret.Dir
	name string
}

// overlayFolder is one folder's part. It is never empty.
type overlayFolder struct {
	scratch   map[string]*scratchFile          // by file name
	dirs      map[string]madeDir               // scratch directories, by file name; what is in them is a part of its own
	whiteouts map[string]*whiteout             // by the secret's name
	writers   map[string]map[*writeHandle]bool // open for writing, by the secret's name
}

func (p *overlayFolder) empty() bool {
	return len(p.scratch) == 0 && len(p.dirs) == 0 && len(p.whiteouts) == 0 && len(p.writers) == 0
}

// part returns the folder's part, which it makes if there is none.
// [overlay.mu] is held; tidy has to follow if the part may be left empty.
func (o *overlay) part(dir secret.Dir) *overlayFolder {
	if o.folders[dir] == nil {
		if o.folders == nil {
			o.folders = make(map[secret.Dir]*overlayFolder)
		}
		o.folders[dir] = &overlayFolder{
			scratch:   make(map[string]*scratchFile),
			dirs:      make(map[string]madeDir),
			whiteouts: make(map[string]*whiteout),
			writers:   make(map[string]map[*writeHandle]bool),
		}
	}
	return o.folders[dir]
}

// tidy drops the folder's part if it is empty. [overlay.mu] is held.
func (o *overlay) tidy(dir secret.Dir) {
	if part := o.folders[dir]; part != nil && part.empty() {
		delete(o.folders, dir)
	}
}

// change calls do with the folder's part.
func (o *overlay) change(dir secret.Dir, do func(*overlayFolder)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	do(o.part(dir))
	o.tidy(dir)
}

// look calls do with the folder's part, if it has one. It must change nothing.
func (o *overlay) look(dir secret.Dir, do func(*overlayFolder)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if part := o.folders[dir]; part != nil {
		do(part)
	}
}

// unlinkedFor is how long a name is remembered that was unlinked here: whoever
// creates it again means the secret.
const unlinkedFor = time.Minute

// unlinked says that the secret of that name was removed here.
func (o *overlay) unlinked(dir secret.Dir, name string) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !now.Before(o.sweep) { // not each time: rm -r removes many
		o.sweep = now.Add(unlinkedFor)
		for old, at := range o.gone {
			if now.Sub(at) >= unlinkedFor {
				delete(o.gone, old)
			}
		}
	}
	if o.gone == nil {
		o.gone = make(map[named]time.Time)
	}
	o.gone[named{dir, name}] = now
}

// wasUnlinked reports whether the secret of that name was removed here a moment
// ago.
func (o *overlay) wasUnlinked(dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ok := o.gone[named{dir, name}]
	return ok && time.Since(at) < unlinkedFor
}

// moveFolder takes everything in and below a renamed folder along.
func (o *overlay) moveFolder(from, to secret.Dir) {
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
			for _, sc := range part.scratch {
				sc.at.dir = moved(dir)
			}
		}
	}
	for place, at := range o.gone {
		if from.Contains(place.dir) {
			delete(o.gone, place)
			o.gone[named{moved(place.dir), place.name}] = at
		}
	}
}

// namesGone returns the names that were unlinked in dir a moment ago, as the
// server has them.
func (o *overlay) namesGone(dir secret.Dir) (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for place, at := range o.gone {
		if place.dir == dir && time.Since(at) < unlinkedFor {
			names = append(names, place.name)
		}
	}
	return names
}

// drop ends scratch files and whiteouts of the folders that gone says.
func (o *overlay) drop(gone func(secret.Dir) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir, part := range o.folders {
		if !gone(dir) {
			continue
		}
		for _, sc := range part.scratch {
			o.unlink(sc)
		}
		for _, w := range part.whiteouts {
			o.end(w)
		}
		o.dirs -= len(part.dirs)
		clear(part.dirs)
		o.tidy(dir)
	}
	for place := range o.gone {
		if gone(place.dir) {
			delete(o.gone, place)
		}
	}
}

// dropBelow is drop for a folder and all below it.
func (o *overlay) dropBelow(dir secret.Dir) { o.drop(dir.Contains) }

// overlayCounts are numbers of what is here now.
type overlayCounts struct {
	faces, collected, doubtful room
	evicted                    uint64 // ever
	whiteouts                  int
}

func (o *overlay) counts() overlayCounts {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := overlayCounts{faces: o.rooms[face], collected: o.rooms[collected], doubtful: o.rooms[doubtful], evicted: o.evicted}
	for _, part := range o.folders {
		c.whiteouts += len(part.whiteouts)
	}
	return c
}
