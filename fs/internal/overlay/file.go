package overlay

import (
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
	"infisicalfs/secret"
)

// Class says what becomes of a scratch file by itself.
type Class uint8

const (
	// Temporary: nothing. Its name says that it is temporary.
	Temporary Class = iota
	// Doubtful: it may be a temporary and may be a secret with a name of that
	// kind, and its maker decides.
	Doubtful
	// Collected: nothing, as of a temporary, but it is in a scratch directory. A
	// program counts on all that it has collected there.
	Collected
)

// File is a scratch file: an ordinary file in memory, the temporary, swap or
// backup file of a program that writes secrets. It ends with the mount.
type File struct {
	// Data is what the nodes keep with the file. The overlay does not look at it.
	Data any

	over   *Overlay // whose room its content takes
	number uint64   // of the files that were made: which is older
	id     fusefs.StableAttr
	caller fuse.Caller // who made it; no thread, as that may be somebody else's by now

	maker   atomic.Pointer[procend.Lifetime] // of a doubtful file; nil for others
	changed chan struct{}                    // full if something happened to it that decides a doubtful file's fate

	// What follows is guarded by [Overlay.mu].
	dir      secret.Dir                 // where it was created, by the name that the folder has now
	basis    map[string]lostupdate.Base // the versions of what was there
	class    Class
	at       Name // under which file name it is found, if it is linked
	linked   bool
	open     int           // handles
	size     int           // bytes of room that it takes
	closed   time.Time     // when the last handle was; when it got its name, if there was none
	order    uint64        // grows with each close and each new name: who has the least is eldest
	spared   bool          // was left empty by its maker, for others to fill
	onlyCopy bool          // may be the only copy of what was typed: an editor's swap or emergency file
	holds    *Whiteout     // the secret that was renamed to this name, or nil
	made     bool          // its maker has written to it, or somebody with a file that the maker has opened
	broken   bool          // who wrote to it was killed with the file open
	filled   time.Time     // when anybody first had; zero: nobody
	sending  chan struct{} // closed when the attempt to make it a secret is over; nil without one

	mu      sync.Mutex // guards content; Overlay.mu may be taken under it
	content Content
}

// Made says how a file is made.
type Made struct {
	By       fuse.Caller // whose it is
	Attr     fuse.Attr   // mode and owner; its dates are when it is made
	OnlyCopy bool        // it may be the only copy of what was typed
	Data     any         // for [File.Data]
}

// New makes a file without a name and content in the folder of snap.
func (o *Overlay) New(snap *secret.Folder, class Class, made Made) *File {
	made.By.Pid = 0
	number := o.made.Add(1)
	f := &File{
		Data:     made.Data,
		over:     o,
		number:   number,
		id:       inode.ScratchFile(number),
		dir:      snap.Dir,
		basis:    o.basisOf(snap),
		caller:   made.By,
		class:    class,
		onlyCopy: made.OnlyCopy,
		changed:  make(chan struct{}, 1),
	}
	f.content = Content{Attr: made.Attr, file: f}
	now := time.Now()
	f.content.Attr.SetTimes(&now, &now, &now)
	return f
}

// basis is what [Overlay.basisOf] has last made. It keeps no snapshot: that has
// values.
type basis struct {
	snap     weak.Pointer[secret.Folder]
	versions map[string]lostupdate.Base
}

// basisOf returns the versions of a folder's own secrets, by name. All scratch
// files that are made while a snapshot lasts share one map: in a folder of 50,000
// it takes megabytes. Nobody changes it.
func (o *Overlay) basisOf(snap *secret.Folder) map[string]lostupdate.Base {
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

// ID returns the file's inode number and generation.
func (f *File) ID() fusefs.StableAttr { return f.id }

// SetID gives a file that nobody knows yet another identity.
func (f *File) SetID(id fusefs.StableAttr) { f.id = id }

// Dir returns the folder in which the file was made, by the name that it has now.
func (f *File) Dir() secret.Dir {
	f.over.mu.Lock()
	defer f.over.mu.Unlock()
	return f.dir
}

// BaseOf returns the version of a secret that was in the file's folder when it was
// made, the zero Base if there was none.
func (f *File) BaseOf(name string) lostupdate.Base {
	f.over.mu.Lock()
	defer f.over.mu.Unlock()
	return f.basis[name]
}

// Caller returns whose file it is: who made it, without a thread.
func (f *File) Caller() fuse.Caller { return f.caller }

// madeBy reports whether who is the file's maker, as far as that can be known.
func (f *File) madeBy(who caller.Process) bool {
	maker := f.maker.Load()
	return maker == nil || !maker.Who.Other(who)
}

// Content is a file's content and attributes. It belongs to whoever has locked the
// file ([File.Lock]).
type Content struct {
	Text    textedit.Text
	Attr    fuse.Attr
	Leaving bool            // is on its way to the server, or a secret
	Sent    lostupdate.Base // when it is a secret: the version there
	Touched bool            // written to since its creation
	Cut     bool            // something did not fit: it is a part

	file *File
}

// Lock returns the file's content, for whoever has locked it until Unlock. The
// overlay may be asked meanwhile.
func (f *File) Lock() *Content {
	f.mu.Lock()
	return &f.content
}

// Unlock is the opposite of Lock.
func (f *File) Unlock() { f.mu.Unlock() }

// Resize cuts the content, or appends zeros, and makes room for it, or gives some
// back. ENOSPC: there is none.
func (c *Content) Resize(n int) syscall.Errno {
	if errno := c.file.over.reserve(c.file, n); errno != 0 {
		c.Cut = true
		return errno
	}
	if n == 0 {
		c.Cut = false
	}
	c.Text.Resize(n)
	return 0
}

// Wrote says that who has changed the content, with a file that opener has
// opened.
func (c *Content) Wrote(who, opener caller.Process) {
	now := time.Now()
	c.Touched = true
	c.Attr.SetTimes(nil, &now, &now)
	if c.Text.Len() > 0 {
		c.file.over.noteFilled(c.file, now, c.file.madeBy(who) || c.file.madeBy(opener))
	}
}

// Empty takes the content away, for who opens the file with O_TRUNC.
func (f *File) Empty(who caller.Process) {
	c := f.Lock()
	defer f.Unlock()
	if c.Text.Len() > 0 {
		c.Resize(0)
		c.Wrote(who, who)
	}
}

// Getattr says what stat(2) is to say.
func (f *File) Getattr(out *fuse.Attr) {
	linked := f.over.isLinked(f)
	c := f.Lock()
	defer f.Unlock()
	*out = c.Attr
	out.Size = uint64(c.Text.Len())
	if linked {
		out.Nlink = 1
	}
}

// Setattr changes size, mode, owner and times, as on any file in memory, on
// behalf of who. ENOSPC: there is no room for that size.
func (f *File) Setattr(in *fuse.SetAttrIn, who caller.Process) syscall.Errno {
	c := f.Lock()
	defer f.Unlock()
	if size, ok := in.GetSize(); ok {
		if size > MaxFile {
			c.Cut = true
			return syscall.ENOSPC
		}
		if errno := c.Resize(int(size)); errno != 0 {
			return errno
		}
		c.Wrote(who, who)
	}
	if mode, ok := in.GetMode(); ok {
		c.Attr.Mode = mode & 0o7777
	}
	if uid, ok := in.GetUID(); ok {
		c.Attr.Uid = uid
	}
	if gid, ok := in.GetGID(); ok {
		c.Attr.Gid = gid
	}
	if t, ok := in.GetATime(); ok {
		c.Attr.SetTimes(&t, nil, nil)
	}
	if t, ok := in.GetMTime(); ok {
		c.Attr.SetTimes(nil, &t, nil)
	}
	now := time.Now()
	c.Attr.SetTimes(nil, nil, &now)
	return 0
}

// wipe forgets the content.
func (f *File) wipe() {
	c := f.Lock()
	defer f.Unlock()
	c.Text.Wipe()
}
