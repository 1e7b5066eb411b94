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
	id    fusefs.StableAttr
	dir   secret.Dir      // where it was created
	basis map[string]base // the folder's own secrets at that time
	holds *whiteout       // the secret whose value it was created with, or nil

	place atomic.Pointer[location] // not nil: it was promoted and is this secret now

	mu      sync.Mutex // guards what follows
	text    text
	attr    fuse.Attr
	named   bool // has a name: is in the folder
	open    int  // handles
	leaving bool // is on its way to the server, or promoted
	sent    base // when promoted: the version there
	touched bool // written to since its creation
}

// newScratch makes a file without a name and content.
func (f *FS) newScratch(snap *secret.Folder, mode uint32) *scratchFile {
	now := time.Now()
	sc := &scratchFile{id: scratchID(f.local.made.Add(1)), dir: snap.Dir, basis: make(map[string]base, len(snap.Secrets))}
	for i := range snap.Secrets {
		sc.basis[snap.Secrets[i].Name] = baseOf(&snap.Secrets[i])
	}
	// It may hold a secret: it is shown to nobody to whom secrets are not.
	sc.attr.Mode = mode&0o700 | mode&f.cfg.FileMode&0o077
	sc.attr.Uid, sc.attr.Gid = f.cfg.UID, f.cfg.GID
	sc.attr.SetTimes(&now, &now, &now)
	return sc
}

// nameScratch gives a new file its first name, in the place of any other
// scratch file, unless there are too many.
func (f *FS) nameScratch(sc *scratchFile, dir secret.Dir, name string) bool {
	f.unlinkScratch(dir, name)
	sc.mu.Lock()
	defer sc.mu.Unlock()
	f.local.mu.Lock()
	defer f.local.mu.Unlock()
	if f.local.scratch >= maxScratchFiles {
		f.resize(sc, 0)
		return false
	}
	f.local.scratch++
	f.local.in(dir).scratch[name] = sc
	sc.named = true
	return true
}

// scratch returns the scratch file of that name, or nil.
func (f *FS) scratch(dir secret.Dir, name string) (sc *scratchFile) {
	f.local.look(dir, func(l *localFolder) { sc = l.scratch[name] })
	return sc
}

// unlinkScratch takes the name away. It reports whether there was such a file.
func (f *FS) unlinkScratch(dir secret.Dir, name string) bool {
	var sc *scratchFile
	f.local.look(dir, func(l *localFolder) {
		if sc = l.scratch[name]; sc != nil {
			delete(l.scratch, name)
			f.local.scratch--
		}
	})
	if sc == nil {
		return false
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.named = false
	f.reclaim(sc)
	return true
}

// moveScratch gives a scratch file another name.
func (f *FS) moveScratch(from secret.Dir, name string, to secret.Dir, newName string) {
	f.unlinkScratch(to, newName)
	f.local.mu.Lock()
	defer f.local.mu.Unlock()
	sc := f.local.in(from).scratch[name]
	delete(f.local.in(from).scratch, name)
	f.local.in(to).scratch[newName] = sc
}

// resize makes room for n bytes, or gives some back. [scratchFile.mu] is held.
func (f *FS) resize(sc *scratchFile, n int) syscall.Errno {
	if n > maxScratchFile {
		return syscall.ENOSPC
	}
	more := int64(n - len(sc.text.b))
	if f.local.bytes.Add(more) > maxScratchTotal && more > 0 {
		f.local.bytes.Add(-more)
		return syscall.ENOSPC
	}
	sc.text.resize(n)
	return 0
}

// reclaim frees the content of a file that nobody can reach any more.
// [scratchFile.mu] is held.
func (f *FS) reclaim(sc *scratchFile) {
	if !sc.named && sc.open == 0 {
		f.resize(sc, 0)
		sc.text.wipe()
	}
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
func (f *FS) setattrScratch(sc *scratchFile, in *fuse.SetAttrIn) syscall.Errno {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		if size > maxScratchFile {
			return syscall.ENOSPC
		}
		if errno := f.resize(sc, int(size)); errno != 0 {
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
