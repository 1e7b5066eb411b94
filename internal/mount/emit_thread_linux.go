package mount

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// emitThread is a thread that makes system calls on the mount that this process
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
type emitThread struct {
	point  string
	device int // of the mount
	log    *slog.Logger

	jobs  chan visit
	ended chan struct{} // closed when the thread has ended
	stop  func()        // may be called more than once, and does not wait
}

// visit is something to do on the thread.
type visit struct {
	do   func(root int)
	done chan error
}

var errNotMounted = errors.New("it is no longer mounted here")

// startEmitThread begins for the mount of ours at point. It asks the mount nothing:
// nobody need answer yet. left is called when the mount table no longer has it.
func startEmitThread(point string, device int, log *slog.Logger, left func()) (*emitThread, error) {
	p := &emitThread{point: point, device: device, log: log, jobs: make(chan visit), ended: make(chan struct{})}
	over := make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	unwatch, err := onLeaving(device, func() { end(); left() })
	if err != nil {
		return nil, fmt.Errorf("watching the mount table: %w", err)
	}
	p.stop = func() { end(); unwatch() }
	ready := make(chan struct{})
	go func() {
		defer close(p.ended)
		onThread(func() { p.run(over, ready) })
	}()
	<-ready
	return p, nil
}

// goesOn reports whether there is one that has not ended.
func (p *emitThread) goesOn() bool {
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

// emit calls do on the thread with a descriptor of the mount's root and returns
// when do has.
func (p *emitThread) emit(do func(root int)) error {
	v := visit{do, make(chan error, 1)}
	select {
	case p.jobs <- v:
		return <-v.done
	case <-p.ended:
		return errNotMounted
	}
}

// run is the thread.
func (p *emitThread) run(over <-chan struct{}, ready chan<- struct{}) {
	if err := ownDescriptors(); err != nil {
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
func (p *emitThread) do(clone int, do func(root int)) error {
	if clone >= 0 {
		do(clone)
		return nil
	}
	root, err := openRoot(p.point, p.device, 0)
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
	fd, err := openRoot(point, device, unix.OPEN_TREE_CLONE)
	if err != nil {
		return -1, err
	}
	// What is mounted inside of the visible one is none of its business.
	private := unix.MountAttr{Propagation: unix.MS_PRIVATE}
	_ = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &private)
	return fd, nil
}

// openRoot opens the root of the mount at point, if that is the one with the
// given device number.
func openRoot(point string, device int, flags uint) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, point, flags|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", point, err)
	}
	var st unix.Statx_t
	if err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &st); err == nil && int(st.Dev_minor) != device {
		err = errNotMounted
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// ownDescriptors gives the calling thread a descriptor table of its own, with
// nothing in it but what the Go runtime needs on any thread: its poller.
// Everything else would be kept open after the process has closed it. 0, 1 and 2
// lead nowhere.
func ownDescriptors() error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return err
	}
	fds, err := threadDescriptors()
	if err != nil {
		return err
	}
	for fd, target := range fds {
		if target != "anon_inode:[eventpoll]" && target != "anon_inode:[eventfd]" {
			unix.Close(fd)
		}
	}
	for {
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if null > 2 {
			return unix.Close(null)
		}
	}
}

// threadDescriptors returns what the calling thread has open. It uses no package
// that would have the Go runtime remember the descriptors that it needs.
func threadDescriptors() (map[int]string, error) {
	const list = "/proc/thread-self/fd"
	dir, err := unix.Open(list, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	fds := make(map[int]string)
	buf, target := make([]byte, 4096), make([]byte, 256)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if n <= 0 || err != nil {
			return fds, err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			fd, err := strconv.Atoi(name)
			if err != nil || fd == dir {
				continue
			}
			if n, err := unix.Readlink(list+"/"+name, target); err == nil {
				fds[fd] = string(target[:n])
			}
		}
	}
}
