package fs

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// Bounds of what scratch files may hold.
const (
	maxScratchFile  = 4 << 20 // bytes; a swap file is larger than what is edited
	maxScratchTotal = 16 << 20
	maxScratchFiles = 256
)

// scratchFile is an ordinary file in memory: the temporary, swap and backup
// files of programs that write secrets. It is found by name and never listed,
// and ends with the mount. It never leaves the machine, unless somebody renames
// it to the name of a secret: see promote.go.
type scratchFile struct {
	over  *overlay // whose room its content takes
	id    fusefs.StableAttr
	dir   secret.Dir      // where it was created
	basis map[string]base // the folder's own secrets at that time
	holds *whiteout       // the secret whose value it was created with, or nil

	place atomic.Pointer[location] // not nil: it was promoted and is this secret now
	notes notes                    // for the secret that it may become

	mu      sync.Mutex // guards what follows
	text    text
	attr    fuse.Attr
	named   bool // has a name: is in the folder
	open    int  // handles
	leaving bool // is on its way to the server, or promoted
	sent    base // when promoted: the version there
	touched bool // written to since its creation
}

// newScratch makes a file without a name and content. It may hold a secret: it
// is shown to nobody to whom secrets are not.
func (f *FS) newScratch(snap *secret.Folder, mode uint32) *scratchFile {
	return f.overlay.newScratch(snap, fuse.Attr{
		Mode:  mode&0o700 | mode&f.cfg.FileMode&0o077,
		Owner: fuse.Owner{Uid: f.cfg.UID, Gid: f.cfg.GID},
	})
}

// newScratch makes a file without a name and content in the folder of snap. Its
// dates are now.
func (o *overlay) newScratch(snap *secret.Folder, attr fuse.Attr) *scratchFile {
	sc := &scratchFile{
		over:  o,
		id:    scratchID(o.made.Add(1)),
		dir:   snap.Dir,
		basis: make(map[string]base, len(snap.Secrets)),
		attr:  attr,
	}
	for i := range snap.Secrets {
		sc.basis[snap.Secrets[i].Name] = baseOf(&snap.Secrets[i])
	}
	now := time.Now()
	sc.attr.SetTimes(&now, &now, &now)
	return sc
}

// nameScratch gives a new file its first name, in the place of any other
// scratch file, unless there are too many.
func (o *overlay) nameScratch(sc *scratchFile, dir secret.Dir, name string) (ok bool) {
	o.unlinkScratch(dir, name)
	sc.mu.Lock()
	defer sc.mu.Unlock()
	o.change(dir, func(part *overlayFolder) {
		if ok = o.files < maxScratchFiles; ok {
			o.files++
			part.scratch[name] = sc
		}
	})
	if sc.named = ok; !ok {
		sc.resize(0)
	}
	return ok
}

// scratch returns the scratch file of that name, or nil.
func (o *overlay) scratch(dir secret.Dir, name string) (sc *scratchFile) {
	o.look(dir, func(part *overlayFolder) { sc = part.scratch[name] })
	return sc
}

// unlinkScratch takes the name away. It reports whether there was such a file.
func (o *overlay) unlinkScratch(dir secret.Dir, name string) bool {
	var sc *scratchFile
	o.change(dir, func(part *overlayFolder) {
		if sc = part.scratch[name]; sc != nil {
			delete(part.scratch, name)
			o.files--
		}
	})
	if sc == nil {
		return false
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.named = false
	sc.reclaim()
	return true
}

// moveScratch gives a scratch file another name.
func (o *overlay) moveScratch(from secret.Dir, name string, to secret.Dir, newName string) {
	o.unlinkScratch(to, newName)
	var sc *scratchFile
	o.change(from, func(part *overlayFolder) {
		sc = part.scratch[name]
		delete(part.scratch, name)
	})
	if sc != nil {
		o.change(to, func(part *overlayFolder) { part.scratch[newName] = sc })
	}
}

// resize makes room for n bytes, or gives some back. [scratchFile.mu] is held.
func (sc *scratchFile) resize(n int) syscall.Errno {
	if n > maxScratchFile {
		return syscall.ENOSPC
	}
	more := int64(n - len(sc.text.b))
	if sc.over.bytes.Add(more) > maxScratchTotal && more > 0 {
		sc.over.bytes.Add(-more)
		return syscall.ENOSPC
	}
	sc.text.resize(n)
	return 0
}

// reclaim frees the content of a file that nobody can reach any more.
// [scratchFile.mu] is held.
func (sc *scratchFile) reclaim() {
	if !sc.named && sc.open == 0 {
		sc.resize(0)
		sc.text.wipe()
	}
}

// opened counts a new handle, which may empty the file.
func (sc *scratchFile) opened(empty bool) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.open++
	if empty && len(sc.text.b) > 0 {
		sc.resize(0)
		sc.changed()
	}
}

// closed is the opposite.
func (sc *scratchFile) closed() {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.open--
	sc.reclaim()
}

// changed says that the content is another. [scratchFile.mu] is held.
func (sc *scratchFile) changed() {
	now := time.Now()
	sc.touched = true
	sc.attr.SetTimes(nil, &now, &now)
}

func (sc *scratchFile) getattr(out *fuse.Attr) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	*out = sc.attr
	out.Size = uint64(len(sc.text.b))
	if sc.named {
		out.Nlink = 1
	}
}

// setattr changes size, mode, owner and times, as on any file in memory.
func (sc *scratchFile) setattr(in *fuse.SetAttrIn) syscall.Errno {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		if size > maxScratchFile {
			return syscall.ENOSPC
		}
		if errno := sc.resize(int(size)); errno != 0 {
			return errno
		}
		sc.changed()
	}
	if mode, ok := in.GetMode(); ok {
		sc.attr.Mode = mode & 0o7777
	}
	if uid, ok := in.GetUID(); ok {
		sc.attr.Uid = uid
	}
	if gid, ok := in.GetGID(); ok {
		sc.attr.Gid = gid
	}
	if t, ok := in.GetATime(); ok {
		sc.attr.SetTimes(&t, nil, nil)
	}
	if t, ok := in.GetMTime(); ok {
		sc.attr.SetTimes(nil, &t, nil)
	}
	now := time.Now()
	sc.attr.SetTimes(nil, nil, &now)
	return 0
}
