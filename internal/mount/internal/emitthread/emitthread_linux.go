package emitthread

import (
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/mounttable"
)

// Thread makes system calls on the mount that this process
// serves, so that watchers (inotify) are told of changes.
//
// It has a descriptor table of its own. A thread that waits for an answer of the
// mount cannot be killed before the connection ends, and that ends when nobody
// has the descriptor of /dev/fuse any more: sharing it, a killed process would
// wait for itself for ever.
//
// As root it goes through a second instance of the mount, which is in no
// directory tree. So it does not matter what becomes of the visible one: whether
// it is made read-only, moved or covered, and whether it could be unmounted just
// now. But as long as the instance exists the connection does not end, so it is
// closed when the mount table no longer has the mount.
type Thread struct {
	point  string
	device int // of the mount
	log    *slog.Logger

	jobs  chan visit
	ended chan struct{} // closed when the thread has ended
	stop  func()
}

// visit is something to do on the thread.
type visit struct {
	do   func(root int)
	done chan error
}

// Start begins for the mount of ours at point. It asks the mount nothing:
// nobody need answer yet. left is called when the mount table no longer has it.
func Start(point string, device int, log *slog.Logger, left func()) (*Thread, error) {
	p := &Thread{point: point, device: device, log: log, jobs: make(chan visit), ended: make(chan struct{})}
	over := make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	unwatch, err := mounttable.OnLeaving(device, func() { end(); left() })
	if err != nil {
		return nil, fmt.Errorf("watching the mount table: %w", err)
	}
	p.stop = func() { end(); unwatch() }
	ready := make(chan struct{})
	go func() {
		defer close(p.ended)
		blocking.OnThread(func() { p.run(over, ready) })
	}()
	<-ready
	return p, nil
}

// GoesOn reports whether there is one that has not ended.
func (p *Thread) GoesOn() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Emit calls do on the thread with a descriptor of the mount's root and returns
// when do has.
func (p *Thread) Emit(do func(root int)) error {
	v := visit{do, make(chan error, 1)}
	select {
	case p.jobs <- v:
		return <-v.done
	case <-p.ended:
		return mounttable.ErrNotMounted
	}
}

// Stop has the thread end, and does not wait. It may be called more than once.
func (p *Thread) Stop() { p.stop() }

// Ended is closed when the thread has ended.
func (p *Thread) Ended() <-chan struct{} { return p.ended }

// run is the thread.
func (p *Thread) run(over <-chan struct{}, ready chan<- struct{}) {
	if err := blocking.OwnDescriptors(); err != nil {
		p.log.Debug("the thread that tells watchers shares the descriptors of the process", "error", err)
	}
	clone, err := cloneMount(p.point, p.device)
	if err == nil {
		defer unix.Close(clone)
	}
	close(ready)
	for {
		select {
		case <-over:
			return
		case v := <-p.jobs:
			v.done <- p.do(clone, v.do)
		}
	}
}

// do calls do with the root of the clone, or of the mount at the mountpoint.
func (p *Thread) do(clone int, do func(root int)) error {
	if clone >= 0 {
		do(clone)
		return nil
	}
	root, err := mounttable.OpenRoot(p.point, p.device, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root) // or nobody could unmount
	do(root)
	return nil
}

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
	return fd, nil
}
