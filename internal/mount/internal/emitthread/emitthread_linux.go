package emitthread

import (
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/mounttable"
)

// Emitter makes system calls on one mount that this process serves, so that watchers
// (inotify) are told of changes. All mounts of a process do so on one thread.
//
// As root it goes through a second instance of the mount, which is in no
// directory tree. So it does not matter what becomes of the visible one: whether
// it is made read-only, moved or covered, and whether it could be unmounted just
// now. But as long as the instance exists the connection does not end, so it is
// closed when the mount table no longer has the mount.
type Emitter struct {
	point  string
	device int // of the mount
	thread *thread
	clone  int // the second instance, -1 if there is none; the thread's, as the descriptor is in its table

	mu       sync.Mutex     // guards over, for whoever is about to emit
	over     bool           // nothing is to be emitted any more
	emitting sync.WaitGroup // counts those who emit, who came before that
	ended    chan struct{}  // closed when the thread has let go of the mount
	stop     func()
}

// Start begins for the mount of ours at point. It asks the mount nothing:
// nobody need answer yet. left is called when the mount table no longer has it.
func Start(point string, device int, log *slog.Logger, left func()) (*Emitter, error) {
	e := &Emitter{point: point, device: device, clone: -1, ended: make(chan struct{})}
	end := sync.OnceFunc(func() {
		e.mu.Lock()
		e.over = true
		e.mu.Unlock()
		go e.letGo() // the thread may be at another mount
	})
	e.thread = shared.take(log)
	e.thread.run(func() { e.clone, _ = cloneMount(point, device) })
	unwatch, err := mounttable.OnLeaving(device, func() { end(); left() })
	if err != nil {
		end()
		return nil, fmt.Errorf("watching the mount table: %w", err)
	}
	e.stop = func() { end(); unwatch() }
	return e, nil
}

// letGo closes the second instance.
func (e *Emitter) letGo() {
	e.emitting.Wait()
	e.thread.run(func() {
		if e.clone >= 0 {
			unix.Close(e.clone)
		}
	})
	shared.give(e.thread)
	close(e.ended)
}

// GoesOn reports whether there is one that has not ended.
func (e *Emitter) GoesOn() bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.over
}

// begin reports whether something may be emitted, and has letGo wait for that.
func (e *Emitter) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.emitting.Add(1)
	}
	return !e.over
}

// Emit calls do on the thread with a descriptor of the mount's root and returns
// when do has.
func (e *Emitter) Emit(do func(root int)) (err error) {
	if !e.begin() {
		return mounttable.ErrNotMounted
	}
	defer e.emitting.Done()
	e.thread.run(func() { err = e.do(do) })
	return err
}

// do calls do with the root of the clone, or of the mount at the mountpoint.
func (e *Emitter) do(do func(root int)) error {
	if e.clone >= 0 {
		do(e.clone)
		return nil
	}
	root, err := mounttable.OpenRoot(e.point, e.device, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root) // or nobody could unmount
	do(root)
	return nil
}

// Stop ends it, and does not wait. It may be called more than once.
func (e *Emitter) Stop() { e.stop() }

// Ended is closed when the thread has let go of the mount.
func (e *Emitter) Ended() <-chan struct{} { return e.ended }

// cloneMount returns a descriptor of another instance of the mount at point, in
// no tree. Only root may do that.
func cloneMount(point string, device int) (int, error) {
	fd, err := mounttable.OpenRoot(point, device, unix.OPEN_TREE_CLONE)
	if err != nil {
		return -1, err
	}
	// What is mounted inside of the visible one is none of its business.
	private := unix.MountAttr{Propagation: unix.MS_PRIVATE}
	_ = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &private)
	// The visible one is read-only to a process that has come to the mount by propagation, as
	// in a container that was started after it was made. This one nobody else can get to.
	writable := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	_ = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &writable)
	return fd, nil
}
