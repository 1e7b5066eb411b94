// Package emit has watchers (inotify) hear of changes that others made.
//
// The kernel makes inotify events for system calls only, and none for what it is
// told to forget. So a thread of ours makes the system calls that fit the change,
// through the mount: it emits the events. The kernel turns the calls into requests
// to us, which are known by their thread and answered with success and nothing else.
//
//	emitter := emit.New(emit.Config{Mode: emit.Full, Thread: thread, ...}, tree)
//	emitter.Emit(way, events)                          // a worker has heard of a change
//	if a := emitter.Answering(thread); a != nil {      // a request comes in
//		answer := a.Lookup(dir, name)                  // it is ours: this is its answer
//	}
//
// The caller's file system stays the owner of nodes and of what the kernel knows: it
// is asked for that through [Tree], and makes nodes and attributes of an [Answer].
// A directory is known here by a comparable D and nothing else.
//
// While the thread waits for an answer it holds locks of the kernel on the directory
// and cannot be interrupted. So an answer comes from the event itself, which has all
// that it takes: nothing that can wait, no server. The kernel is to remember none of
// them, since it asks again at once.
package emit

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"
)

// Thread calls do on the thread that emits events, with a descriptor of the mount's
// root, which is the Thread's to close, and returns when do has. One do runs at a
// time. It makes system calls only: the thread may have a descriptor table of its
// own, in which nothing else of the process is open.
type Thread func(do func(root int)) error

// Tree is the file system whose changes are told.
type Tree[D comparable] interface {
	// Wanted reports whether somebody may be waiting to hear of e, of which he has not heard
	// by making the change himself.
	Wanted(e *Event) bool
	// Occupied reports whether somebody is in the folder that e says has appeared,
	// of which nobody was told yet. It may take a second.
	Occupied(e *Event) bool
	// KeepCacheOut keeps the kernel's page cache out of a file of dir until letIn is
	// called, which has the kernel ask again how large the file is. What the kernel
	// learns of a size from a call of ours it believes, even if it has learnt of a
	// newer one meanwhile.
	KeepCacheOut(dir D, shown string) (letIn func())
	// Forget has the kernel ask again for a name in dir.
	Forget(dir D, shown string)
}

// Config is what an Emitter is made of.
type Config struct {
	Mode   Mode   // empty means Off
	Thread Thread // nil: nobody is told

	UID, OwnerUID     uint32    // the owner of files and directories, and the user that we are
	FileMode, DirMode uint32    // the permission bits that files and directories have
	DirDate           time.Time // the date that the thread is shown of a directory
	Probe             string    // what the names begin with that the thread is known by
	Log               *slog.Logger
}

// Emitter emits events. Emit may be called by many at a time; the thread is at one
// event.
type Emitter[D comparable] struct {
	cfg  Config
	tree Tree[D]

	now        atomic.Pointer[Attempt[D]] // what the thread is at, nil while it is idle
	probe      atomic.Pointer[probe]      // how we find out whether requests name the thread
	recognised atomic.Uint32              // the thread that they do name; 0 means none

	told, failed atomic.Uint64
	lastError    atomic.Pointer[string]
}

// New returns an Emitter for a file system.
func New[D comparable](cfg Config, tree Tree[D]) *Emitter[D] {
	return &Emitter[D]{cfg: cfg, tree: tree}
}

// maxAttempts is how often an event is tried, when somebody has looked its name up
// in between, and the kernel believes him and does not ask us.
const maxAttempts = 8

// errMistaken means that the kernel names another thread than the one that
// called: it counts in another pid namespace.
var errMistaken = errors.New("requests do not name the thread that made them: the mount belongs to another pid namespace")

// Emit has watchers told of changes in the directory that the way leads to, which
// the kernel has been told to forget. It may take as long as a lookup does.
func (m *Emitter[D]) Emit(way Way[D], list []Event) {
	for i := range list {
		e := &list[i]
		if !m.tree.Wanted(e) {
			continue
		}
		letIn := m.tree.KeepCacheOut(way.end(), e.Shown)
		m.count(e, m.emit(way, e))
		letIn()
	}
}

// emit emits an event. What others look up meanwhile may stand in the way: the
// kernel then knows already what it is going to be told, and has to forget it.
//
// To make a folder with a system call the kernel drops its dentry for a moment, and
// getcwd(2) would say ENOENT to who is in it. So then the directory above is only
// touched.
func (m *Emitter[D]) emit(way Way[D], e *Event) error {
	datesOnly := m.inForce() != Full || e.Kind == Appeared && e.Folder && m.tree.Occupied(e)
	for n := 1; ; n++ {
		errno, err := m.onThread(&Attempt[D]{Event: e, Way: way, datesOnly: datesOnly, dirDate: m.cfg.DirDate})
		switch {
		case err != nil:
			return err
		case errno == 0:
			return nil
		case n == maxAttempts || !e.contradicts(errno):
			return fmt.Errorf("%s: %w", e.Kind, errno)
		}
		m.tree.Forget(way.end(), e.Shown)
		if e.Kind == Swapped {
			m.tree.Forget(way.end(), e.temporary())
		}
	}
}

// onThread makes the system calls of an event.
func (m *Emitter[D]) onThread(a *Attempt[D]) (errno syscall.Errno, err error) {
	refused := m.cfg.Thread(func(root int) {
		thread := threadID()
		switch {
		case m.recognises(root, thread):
			m.As(thread, a, func() { errno = a.call(root) })
		case a.inDirectory(), a.View:
			err = errMistaken
		default: // what changes nothing succeeds for everybody
			a.datesOnly = true
			errno = a.call(root)
		}
	})
	return errno, errors.Join(refused, err)
}

// As has requests of a thread answered as those of an attempt while do runs.
func (m *Emitter[D]) As(thread uint32, a *Attempt[D], do func()) {
	a.thread = thread
	m.now.Store(a)
	defer m.now.Store(nil)
	do()
}

// Answering returns the attempt that a request of that thread belongs to, nil for
// everybody else's. Thread 0 is nobody: it stands for whom our pid namespace does not
// know.
func (m *Emitter[D]) Answering(thread uint32) *Attempt[D] {
	if a := m.now.Load(); a != nil && thread != 0 && thread == a.thread {
		return a
	}
	return nil
}
