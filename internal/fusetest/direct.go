package fusetest

import (
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const rootID = 1

// Kernel plays the kernel's part against the nodes of a file system. Unlike the
// real one it remembers nothing and checks no modes: every path is looked up
// from the root anew.
type Kernel struct {
	raw fuse.RawFileSystem
	// Caller is who makes the requests. The zero Caller is what the kernel says
	// of processes outside of our pid namespace.
	Caller fuse.Caller
	// Cancel is given to each request; closing it interrupts them. Set it
	// before the first.
	Cancel chan struct{}

	truncates bool // OPEN has O_TRUNC in it, instead of a SETATTR after it

	mu       sync.Mutex        // guards what follows
	paths    map[uint64]string // by node id, as last looked up
	notified []string
}

// Direct returns a Kernel for root. Nothing is mounted.
func Direct(t testing.TB, root fusefs.InodeEmbedder, opts *fusefs.Options) *Kernel {
	k := &Kernel{Cancel: make(chan struct{}), paths: map[uint64]string{rootID: "/"}}
	direct := fusefs.Options{}
	if opts != nil {
		direct = *opts
	}
	direct.ServerCallbacks = (*callbacks)(k)
	k.truncates = direct.ExtraCapabilities&fuse.CAP_ATOMIC_O_TRUNC != 0
	k.raw = fusefs.NewNodeFS(root, &direct)
	return k
}

// Notified returns, sorted, what the file system told the kernel to forget
// since the last call: "entry /PATH", "content /PATH" or "attr /PATH".
func (k *Kernel) Notified() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.notified
	k.notified = nil
	slices.Sort(list)
	return list
}

// Lookup looks p up, component by component, and returns the last answer, with
// its time-outs. The error of an absent name is ENOENT; if the kernel was told
// to remember that, the answer has an entry time-out.
func (k *Kernel) Lookup(p string) (fuse.EntryOut, error) {
	out := fuse.EntryOut{NodeId: rootID}
	at := "/"
	for name := range strings.SplitSeq(p, "/") {
		if name == "" {
			continue
		}
		header := k.header(out.NodeId)
		out = fuse.EntryOut{}
		if err := errnoOf(k.raw.Lookup(k.Cancel, &header, name, &out)); err != nil {
			return out, err
		}
		if out.NodeId == 0 {
			return out, syscall.ENOENT
		}
		at = path.Join(at, name)
		k.remember(out.NodeId, at)
	}
	return out, nil
}

func (k *Kernel) header(id uint64) fuse.InHeader {
	return fuse.InHeader{NodeId: id, Caller: k.Caller}
}

func (k *Kernel) remember(id uint64, p string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.paths[id] = p
}

// node returns the id of what p names.
func (k *Kernel) node(p string) (fuse.InHeader, error) {
	out, err := k.Lookup(p)
	return k.header(out.NodeId), err
}

// parent returns the id of the directory of p, and the last component.
func (k *Kernel) parent(p string) (fuse.InHeader, string, error) {
	header, err := k.node(path.Dir("/" + p))
	return header, path.Base(p), err
}

func errnoOf(s fuse.Status) error {
	if s == fuse.OK {
		return nil
	}
	return syscall.Errno(s)
}

// callbacks are the messages that a file system sends to the kernel.
type callbacks Kernel

func (c *callbacks) note(kind string, id uint64, name string) fuse.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notified = append(c.notified, kind+" "+path.Join(c.paths[id], name))
	return fuse.OK
}

func (c *callbacks) EntryNotify(parent uint64, name string) fuse.Status {
	return c.note("entry", parent, name)
}

func (c *callbacks) DeleteNotify(parent, _ uint64, name string) fuse.Status {
	return c.note("delete", parent, name)
}

func (c *callbacks) InodeNotify(id uint64, off, _ int64) fuse.Status {
	if off < 0 {
		return c.note("attr", id, "")
	}
	return c.note("content", id, "")
}

func (c *callbacks) InodeRetrieveCache(uint64, int64, []byte) (int, fuse.Status) {
	return 0, fuse.OK
}

func (c *callbacks) InodeNotifyStoreCache(uint64, int64, []byte) fuse.Status { return fuse.OK }
