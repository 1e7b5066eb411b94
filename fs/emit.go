package fs

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

// Notify says how watchers (inotify) are told of changes that others made. The
// kernel makes events for system calls only, and none for what it is told to
// forget. So a thread of ours makes the system calls that fit the change,
// through the mount: it emits the events. The kernel turns them into requests to us, which
// are known by their thread and answered with success and nothing else.
type Notify string

const (
	NotifyFull   Notify = "full"   // as if somebody here had written, created, removed
	NotifyAttrib Notify = "attrib" // by setting dates only, which the owner of a file may do whatever its mode is
	NotifyOff    Notify = "off"
)

// Known reports whether n is one of the above.
func (n Notify) Known() bool { return n == NotifyFull || n == NotifyAttrib || n == NotifyOff }

// EmitThread calls do on the thread that emits events, with a descriptor of the mount's root,
// which is the EmitThread's to close, and returns when do has. One do runs at a time.
// It makes system calls only: the thread may have a descriptor table of its own,
// in which nothing else of the process is open.
type EmitThread func(do func(root int)) error

// eventKind is what happened to a name.
type eventKind uint8

const (
	changed   eventKind = iota // it has another value
	annotated                  // it has the same value, and other dates or rights
	appeared
	vanished
	swapped // ..data leads to another generation
)

// event is one name that has changed, and all that it takes to answer what the
// kernel asks because of it: neither the Source nor a lock that can wait may be
// needed for that.
type event struct {
	kind   eventKind
	dir    secret.Dir
	shown  string // the file name
	name   string // the server's
	folder bool
	is     lostupdate.Base // the version that it has now, for a secret
	attr   fuse.Attr       // as it is now; of a name that vanished, as it was
	secret *secret.Secret  // likewise; nil for a folder
	link   string          // where it leads, if it is a link
	linked *atomic.Bool    // the link to the new generation has been made; nil unless swapped

	// Where it is: the directories from the root down to its own. Set by
	// approach, as the following.
	way       []step
	thread    uint32 // that makes the system calls
	datesOnly bool   // set dates only
}

// step is a directory on the way: what the one before it has under that name.
type step struct {
	name string
	dir  *dir
}

// parent is the directory that has the name.
func (p *event) parent() *dir { return p.way[len(p.way)-1].dir }

// emitter is what is known of the thread that emits events.
type emitter struct {
	now   atomic.Pointer[event] // what the emitting thread is at, nil while it is idle
	probe atomic.Pointer[probe] // how we find out whether requests name that thread

	recognised atomic.Uint32 // the thread that they do name; 0 means none

	told, failed atomic.Uint64
	lastError    atomic.Pointer[string]
}

// maxAttempts is how often an event is tried, when somebody has looked its name up
// in between, and the kernel believes him and does not ask us.
const maxAttempts = 8

// errMistaken means that the kernel names another thread than the one that
// called: it counts in another pid namespace.
var errMistaken = errors.New("requests do not name the thread that made them: the mount belongs to another pid namespace")

// emit has watchers told of changes in the directory at, which the kernel has
// been told to forget. It may take as long as a lookup does.
func (f *FS) emit(at *fusefs.Inode, list []event) {
	way, ok := f.wayTo(at)
	if !ok {
		return
	}
	for i := range list {
		p := &list[i]
		p.way = way
		if f.ofInterest(p) {
			settle := p.unsettle(at)
			f.report(p, f.carryOut(at, p))
			settle()
		}
	}
}

// unsettle keeps the kernel's cache out of a file until it is settled. What the
// kernel learns of a size from a call of ours it believes, even if it has learnt
// of a newer one meanwhile.
func (p *event) unsettle(at *fusefs.Inode) (settle func()) {
	known := at.GetChild(p.shown)
	if known != nil {
		if n, ok := known.Operations().(*file); ok {
			n.pages.Writing()
			return func() { forgetAttr(known) }
		}
	}
	return func() {
		if made := at.GetChild(p.shown); made != nil {
			forgetAttr(made)
		}
	}
}

// wayTo returns the directories from the root to at.
func (f *FS) wayTo(at *fusefs.Inode) (way []step, ok bool) {
	d, ok := at.Operations().(*dir)
	for ok && !d.isRoot() {
		here := d.at.Load()
		way = append([]step{{filename.Encode(here.name), d}}, way...)
		d = here.parent
	}
	return append([]step{{"", f.root}}, way...), ok
}

// ofInterest reports whether somebody may be waiting for the news. Who changes
// something here has made the events himself. What is only here covers the
// server's.
func (f *FS) ofInterest(p *event) bool {
	return !f.own.explains(p) && f.overlay.scratch(p.dir, p.shown) == nil &&
		(p.folder || f.overlay.whiteout(p.dir, p.name) == nil)
}

// carryOut emits an event. What others look up meanwhile may stand in the way: the
// kernel then knows already what it is going to be told, and has to forget it.
func (f *FS) carryOut(at *fusefs.Inode, p *event) error {
	p.datesOnly = f.inForce() != NotifyFull || f.entered(p)
	for attempt := 1; ; attempt++ {
		errno, err := f.onThread(p)
		switch {
		case err != nil:
			return err
		case errno == 0:
			return nil
		case attempt == maxAttempts || !p.contradicts(errno):
			return fmt.Errorf("%s: %w", p.kind, errno)
		}
		at.NotifyEntry(p.shown)
		if p.kind == swapped {
			at.NotifyEntry(newDataName)
		}
	}
}

// entered reports whether somebody is in a folder of which nobody was told yet,
// or may be. To make it with a system call the kernel drops its dentry for a
// moment, and getcwd(2) would say ENOENT to who is in it. So then the directory
// above is only touched.
//
// A listing that is on its way gives the kernel the folder once more after it has
// let go: it is asked again and again, for a second. A kernel that cannot be asked
// (before Linux 6.18) knows folders that nobody is in, so there nobody counts as
// being in one: else watchers would hear of hardly any.
func (f *FS) entered(p *event) bool {
	if p.kind != appeared || !p.folder {
		return false
	}
	again, end := time.NewTicker(forgets/25), time.After(4*forgets)
	defer again.Stop()
	for {
		at := f.inode(p.dir.Child(p.name))
		if at == nil {
			return false
		}
		if at.NotifyContent(Prune, 0) == syscall.ENOSYS {
			return false
		}
		select {
		case <-again.C:
		case <-end:
			return true
		}
	}
}

// inDirectory reports whether the directory is different, not a file in it.
func (p *event) inDirectory() bool { return p.kind >= appeared }

// contradicts reports whether errno comes from what the kernel believes of the
// name.
func (p *event) contradicts(errno syscall.Errno) bool {
	switch p.kind {
	case appeared:
		return errno == syscall.EEXIST
	case swapped:
		return errno == syscall.EEXIST || errno == syscall.ENOENT || errno == syscall.ESTALE
	}
	return errno == syscall.ENOENT || errno == syscall.ESTALE
}

// onThread makes the system calls of an event.
func (f *FS) onThread(p *event) (errno syscall.Errno, err error) {
	refused := f.cfg.EmitThread(func(root int) {
		if p.thread = threadID(); !f.recognises(root, p.thread) {
			// What changes nothing succeeds for everybody.
			if p.datesOnly = true; p.inDirectory() {
				err = errMistaken
			} else {
				errno = p.call(root)
			}
			return
		}
		f.emitter.now.Store(p)
		defer f.emitter.now.Store(nil)
		errno = p.call(root)
	})
	return errno, errors.Join(refused, err)
}

func (k eventKind) String() string {
	return [...]string{"telling of a new value", "telling of a new date", "telling of a new name", "telling of a name that went", "telling of a new generation"}[k]
}
