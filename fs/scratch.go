package fs

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"weak"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

// scratchFile is an ordinary file in memory: the temporary, swap and backup
// files of programs that write secrets. It ends with the mount. Its class says
// whether it may leave the machine by itself.
type scratchFile struct {
	over   *overlay // whose room its content takes
	id     fusefs.StableAttr
	dir    secret.Dir                 // where it was created
	basis  map[string]lostupdate.Base // the folder's own secrets at that time; shared
	caller fuse.Caller                // who made it; no thread, as that may be somebody else's by now

	notes xattr.Notes // for the secret that it may become

	maker   atomic.Pointer[procend.Lifetime] // of a doubtful file; nil for others
	changed chan struct{}                    // full if something happened to it that decides a doubtful file's fate

	place atomic.Pointer[location] // not nil: it is this secret now
	stays atomic.Bool              // and that secret has the file's inode number
	tried bool                     // an attempt to make it one may have succeeded; belongs to who sends it

	// What follows is guarded by [overlay.mu].
	class   class
	at      named // under which file name it is found, if it is linked
	linked  bool
	open    int           // handles
	size    int           // bytes of room that it takes
	closed  time.Time     // when the last handle was; when it got its name, if there was none
	order   uint64        // grows with each close and each new name: who has the least is eldest
	spared  bool          // was left empty by its maker, for others to fill
	draft   bool          // may be the only copy of what was typed: an editor's swap or emergency file
	holds   *whiteout     // the secret that was renamed to this name, or nil
	made    bool          // its maker has written to it, or somebody with a file that the maker has opened
	broken  bool          // who wrote to it was killed with the file open
	filled  time.Time     // when anybody first had; zero: nobody
	sending chan struct{} // closed when the attempt to make it a secret is over; nil without one

	mu      sync.Mutex // guards what follows; overlay.mu may be taken under it
	text    textedit.Text
	attr    fuse.Attr
	leaving bool            // is on its way to the server, or promoted
	sent    lostupdate.Base // when it is a secret: the version there
	touched bool            // written to since its creation
	cut     bool            // something did not fit: it is a part
}

// class says what becomes of a scratch file by itself.
type class uint8

const (
	// face: nothing. Its name says that it is temporary.
	face class = iota
	// doubtful: it may be a temporary and may be a secret with a name of that
	// kind, and its maker decides. See fate.go.
	doubtful
	// collected: nothing, as of a face, but it is in a scratch directory. A program
	// counts on all that it has collected there.
	collected
)

// newScratch makes a file without a name and content. It is its maker's, who may
// open it again whatever its mode. It may hold a secret: it is shown to nobody
// else to whom secrets are not.
func (f *FS) newScratch(ctx context.Context, snap *secret.Folder, class class, mode uint32) *scratchFile {
	caller := callerOf(ctx)
	caller.Pid = 0
	return f.overlay.newScratch(snap, class, caller, fuse.Attr{
		Mode:  mode&0o700 | mode&f.cfg.FileMode&0o077,
		Owner: fuse.Owner{Uid: caller.Uid, Gid: f.cfg.GID},
	})
}

// newScratch makes a file without a name and content in the folder of snap. Its
// dates are now.
func (o *overlay) newScratch(snap *secret.Folder, class class, caller fuse.Caller, attr fuse.Attr) *scratchFile {
	sc := &scratchFile{
		over:    o,
		id:      inode.ScratchFile(o.made.Add(1)),
		dir:     snap.Dir,
		basis:   o.basisOf(snap),
		caller:  caller,
		class:   class,
		changed: make(chan struct{}, 1),
		attr:    attr,
	}
	now := time.Now()
	sc.attr.SetTimes(&now, &now, &now)
	return sc
}

// basisOf returns the versions of a folder's own secrets, by name. All scratch
// files that are made while a snapshot lasts share one map: in a folder of 50,000
// it takes megabytes. Nobody changes it.
func (o *overlay) basisOf(snap *secret.Folder) map[string]lostupdate.Base {
	if last := o.lastBasis.Load(); last != nil && last.snap.Value() == snap {
		return last.versions
	}
	versions := make(map[string]lostupdate.Base, len(snap.Secrets))
	for i := range snap.Secrets {
		versions[snap.Secrets[i].Name] = lostupdate.BaseOf(&snap.Secrets[i])
	}
	o.lastBasis.Store(&basis{weak.Make(snap), versions})
	return versions
}

// basis is what [overlay.basisOf] has last made. It keeps no snapshot: that has
// values.
type basis struct {
	snap     weak.Pointer[secret.Folder]
	versions map[string]lostupdate.Base
}

// resize makes room for n bytes, or gives some back. [scratchFile.mu] is held.
func (sc *scratchFile) resize(n int) syscall.Errno {
	if errno := sc.over.reserve(sc, n); errno != 0 {
		sc.cut = true
		return errno
	}
	if n == 0 {
		sc.cut = false
	}
	sc.text.Resize(n)
	return 0
}

// wipe forgets the content.
func (sc *scratchFile) wipe() {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.text.Wipe()
}

// wrote says that who has changed the content, with a file that opener has
// opened. [scratchFile.mu] is held.
func (sc *scratchFile) wrote(who, opener caller.Process) {
	now := time.Now()
	sc.touched = true
	sc.attr.SetTimes(nil, &now, &now)
	if sc.text.Len() > 0 {
		sc.over.noteFilled(sc, now, sc.madeBy(who) || sc.madeBy(opener))
	}
}

// madeBy reports whether who is the file's maker, as far as that can be known.
func (sc *scratchFile) madeBy(who caller.Process) bool {
	mk := sc.maker.Load()
	return mk == nil || !mk.Who.Other(who)
}

func (sc *scratchFile) getattr(out *fuse.Attr) {
	linked := sc.over.isLinked(sc)
	sc.mu.Lock()
	defer sc.mu.Unlock()
	*out = sc.attr
	out.Size = uint64(sc.text.Len())
	if linked {
		out.Nlink = 1
	}
}

// setattr changes size, mode, owner and times, as on any file in memory, on
// behalf of who.
func (sc *scratchFile) setattr(in *fuse.SetAttrIn, who caller.Process) syscall.Errno {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		if size > maxScratchFile {
			sc.cut = true
			return syscall.ENOSPC
		}
		if errno := sc.resize(int(size)); errno != 0 {
			return errno
		}
		sc.wrote(who, who)
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
