package notifier

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/blocking"
)

// Notifier tells the kernel what to forget. To do so the kernel waits for the
// lookups that are under way in a directory, that is for answers of ours. If
// the process is killed meanwhile, the waiting thread keeps the device open, so
// the connection does not end, so the lookups do not either: for ever. So
// notifications take another way into the connection, from a thread that does
// not have the descriptor that requests are read from: when that is closed, the
// kernel gives up the requests that were read from it.
type Notifier struct {
	jobs   chan job                    // taken by threads that have nothing to do
	side   *os.File                    // the other way; nil if there is none, as for users who may not open the device
	server atomic.Pointer[fuse.Server] // set by Init, before the kernel knows of anything to forget
}

var _ fusefs.ServerCallbacks = (*Notifier)(nil)

// cloneDevice is FUSE_DEV_IOC_CLONE of linux/fuse.h, the same on all machines
// that Go knows but mips, ppc and sparc.
const cloneDevice = 0x8004e500

// New returns a notifier into the connection that device is a descriptor of. Where
// there is no other way into it notifications go through the server.
func New(device int) *Notifier {
	n := &Notifier{jobs: make(chan job)}
	fd, err := unix.Open(fuseDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return n
	}
	if err := unix.IoctlSetPointerInt(fd, cloneDevice, device); err != nil {
		unix.Close(fd)
		return n
	}
	n.side = os.NewFile(uintptr(fd), fuseDevice)
	return n
}

// Close is for the end of the mount; what is told later is lost.
func (n *Notifier) Close() {
	if n.side != nil {
		n.side.Close()
	}
}

// InodeNotify implements fusefs.ServerCallbacks, and what [fs.Prune] stands for:
// for that the kernel waits for nobody.
func (n *Notifier) InodeNotify(node uint64, off, length int64) fuse.Status {
	if off == fs.Prune {
		return n.server.Load().PruneNotify([]uint64{node})
	}
	if n.side == nil {
		return n.server.Load().InodeNotify(node, off, length)
	}
	return n.tell(inodeMessage(node, off, length))
}

// EntryNotify implements fusefs.ServerCallbacks.
func (n *Notifier) EntryNotify(parent uint64, name string) fuse.Status {
	if n.side == nil {
		return n.server.Load().EntryNotify(parent, name)
	}
	return n.tell(entryMessage(parent, name))
}

// DeleteNotify implements fusefs.ServerCallbacks.
func (n *Notifier) DeleteNotify(parent, child uint64, name string) fuse.Status {
	if n.side == nil {
		return n.server.Load().DeleteNotify(parent, child, name)
	}
	return n.tell(deleteMessage(parent, child, name))
}

// InodeRetrieveCache implements fusefs.ServerCallbacks.
func (n *Notifier) InodeRetrieveCache(node uint64, offset int64, dest []byte) (int, fuse.Status) {
	return n.server.Load().InodeRetrieveCache(node, offset, dest)
}

// InodeNotifyStoreCache implements fusefs.ServerCallbacks.
func (n *Notifier) InodeNotifyStoreCache(node uint64, offset int64, data []byte) fuse.Status {
	return n.server.Load().InodeNotifyStoreCache(node, offset, data)
}

// tell sends one notification.
func (n *Notifier) tell(message []byte) fuse.Status {
	side, err := n.side.SyscallConn()
	if err != nil {
		return fuse.Status(syscall.ENODEV) // closed: the mount has ended
	}
	var sent error
	err = side.Control(func(fd uintptr) {
		sent = n.apart(int(fd), func() error {
			_, err := unix.Write(int(fd), message)
			return err
		})
	})
	if err != nil {
		return fuse.Status(syscall.ENODEV)
	}
	return fuse.ToStatus(sent)
}

// apart is [blocking.Apart], but threads that are done wait a
// little for more, since one costs as much as thirty notifications.
func (n *Notifier) apart(side int, write func() error) error {
	j := job{write, make(chan error, 1)}
	select {
	case n.jobs <- j:
	default:
		go n.thread(side, j)
	}
	return <-j.done
}

// thread does a job, and more until there are none for a while. Where threads
// cannot be set apart the first one fails.
func (n *Notifier) thread(side int, first job) {
	err := blocking.Apart(func() error {
		for j := first; ; {
			j.done <- j.write()
			select {
			case j = <-n.jobs:
			case <-time.After(idleThread):
				return nil
			}
		}
	}, side)
	if err != nil {
		first.done <- err
	}
}

// job is something to write, and where its error goes.
type job struct {
	write func() error
	done  chan error
}

// idleThread is how long a thread waits for the next notification. It keeps
// open what others close meanwhile.
const idleThread = 100 * time.Millisecond
