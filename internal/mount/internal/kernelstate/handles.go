package kernelstate

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs"
)

// opened is a handle of this process. The zero value is none.
type opened struct {
	node          uint64
	flags, answer uint32
	dir           bool
	shown         bool // the journal knows what it shows
}

// inherited is a handle of an earlier process.
type inherited struct {
	Handle
	now    uint64      // what the nodes below call it since it was opened again; 0: it was not
	status fuse.Status // or why it never will be
}

// writes reports whether the handle was opened to write.
func (h Handle) writes() bool { return !h.Dir && h.Flags&syscall.O_ACCMODE != syscall.O_RDONLY }

// reads reports whether the handle can be read.
func (h Handle) reads() bool { return h.Flags&syscall.O_ACCMODE != syscall.O_WRONLY }

const lowerHalf = 1<<32 - 1 // the half of a handle's number that is go-fuse's

// open notes a handle that the kernel is about to be told of, and numbers it for good.
func (f *FS) open(status fuse.Status, node uint64, flags uint32, dir bool, out *fuse.OpenOut) {
	if !status.Ok() || out.Fh == 0 {
		return
	}
	number := out.Fh
	out.Fh |= f.epoch << 32
	f.mu.Lock()
	for uint64(len(f.opened)) <= number {
		f.opened = append(f.opened, opened{})
	}
	f.opened[number] = opened{node: node, flags: flags, answer: out.OpenFlags, dir: dir}
	f.mu.Unlock()
	if f.journal != nil {
		f.journal.Opened(f.describe(Handle{Number: out.Fh, Node: node, Flags: flags, Answer: out.OpenFlags, Dir: dir}))
	}
}

// shown writes down which list an open directory shows, before the kernel hears of it
// for the first time: what it asks for next is a place in that list. The number is the
// kernel's.
func (f *FS) shown(number uint64) {
	if f.journal == nil {
		return
	}
	if h, first := f.firstShown(number); first {
		f.journal.Opened(f.describe(h))
	}
}

func (f *FS) firstShown(number uint64) (h Handle, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number>>32 != f.epoch {
		h, ok := f.inherited[number]
		if !ok || !h.Any {
			return Handle{}, false
		}
		h.Any = false
		return h.Handle, true
	}
	number &= lowerHalf
	if number >= uint64(len(f.opened)) || f.opened[number].shown {
		return Handle{}, false
	}
	o := &f.opened[number]
	o.shown = true
	return Handle{Number: f.epoch<<32 | number, Node: o.node, Flags: o.flags, Answer: o.answer, Dir: o.dir}, true
}

// handle makes sure that the nodes below know a handle that the kernel has, and returns
// how they call it.
func (f *FS) handle(cancel <-chan struct{}, number uint64) (uint64, fuse.Status) {
	if number>>32 == f.epoch {
		return number & lowerHalf, fuse.OK
	}
	if number == 0 { // of what the kernel opens by itself
		return 0, fuse.OK
	}
	f.mu.Lock()
	h, ok := f.inherited[number]
	var now uint64
	var status fuse.Status
	if ok {
		now, status = h.now, h.status
	}
	f.mu.Unlock()
	switch {
	case !ok:
		return 0, stale
	case !status.Ok() || now != 0:
		return now, status
	}
	return f.reopen(cancel, h)
}

// writing is handle for what would change or settle a text. A handle that is not known,
// or was opened to write, has lost what was written to it.
func (f *FS) writing(cancel <-chan struct{}, number uint64) (uint64, fuse.Status) {
	now, status := f.handle(cancel, number)
	if !status.Ok() {
		return 0, fuse.EIO
	}
	return now, status
}

// reopen opens an inherited handle again. It shows the version that it has shown, or
// nothing any more.
func (f *FS) reopen(cancel <-chan struct{}, h *inherited) (uint64, fuse.Status) {
	if status := f.node(cancel, h.Node); !status.Ok() {
		return 0, status
	}
	number, status := f.openBelow(h.Handle)
	if !status.Ok() {
		return 0, status // perhaps the server's word of now: the next request tries again
	}
	if !h.Any {
		version, status := f.version(h.Node, number, h.Salt, fs.LseekVersionNow)
		if !status.Ok() || version != h.Version {
			f.closeBelow(h.Handle, number)
			if status.Ok() || status == fuse.EACCES {
				return f.settle(h, 0, stale)
			}
			return 0, status
		}
	}
	return f.settle(h, number, fuse.OK)
}

// settle notes what became of opening h again, unless somebody else was faster or it
// was closed meanwhile.
func (f *FS) settle(h *inherited, number uint64, status fuse.Status) (uint64, fuse.Status) {
	f.mu.Lock()
	late := h.now != 0 || !h.status.Ok() || f.inherited[h.Number] != h
	if !late {
		h.now, h.status = number, status
	}
	now, status := h.now, h.status
	f.mu.Unlock()
	if late && number != 0 {
		f.closeBelow(h.Handle, number)
	}
	if status.Ok() && now == 0 {
		status = stale
	}
	return now, status
}

// again are the flags of open(2) that mean something for what is open already.
const again = ^uint32(syscall.O_CREAT | syscall.O_EXCL | syscall.O_TRUNC)

// openBelow is in nobody's name, as revive is.
func (f *FS) openBelow(h Handle) (uint64, fuse.Status) {
	in := &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: h.Node}, Flags: h.Flags & again}
	var out fuse.OpenOut
	if h.Dir {
		status := f.RawFileSystem.OpenDir(nil, in, &out)
		return out.Fh, status
	}
	if h.Answer&fuse.FOPEN_DIRECT_IO == 0 {
		in.Flags |= fs.OpenCached
	}
	status := f.RawFileSystem.Open(nil, in, &out)
	return out.Fh, status
}

func (f *FS) closeBelow(h Handle, number uint64) {
	in := &fuse.ReleaseIn{InHeader: fuse.InHeader{NodeId: h.Node}, Fh: number, Flags: h.Flags}
	if h.Dir {
		f.RawFileSystem.ReleaseDir(in)
	} else {
		f.RawFileSystem.Release(nil, in)
	}
}

// released notes that the kernel has closed a handle, and returns how the nodes below
// call it; false if they do not know it.
func (f *FS) released(number uint64) (uint64, bool) {
	if f.journal != nil {
		f.journal.Closed(number)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if number>>32 == f.epoch {
		number &= lowerHalf
		if number < uint64(len(f.opened)) {
			f.opened[number] = opened{} // before the nodes below may use the number again
		}
		return number, true
	}
	h, ok := f.inherited[number]
	if !ok {
		return 0, number == 0
	}
	delete(f.inherited, number)
	return h.now, h.now != 0
}

// numberBelow is handle for one that the nodes below know already.
func (f *FS) numberBelow(number uint64) (uint64, bool) {
	if number>>32 == f.epoch {
		return number & lowerHalf, true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h, ok := f.inherited[number]
	if !ok {
		return 0, false
	}
	return h.now, h.now != 0
}

// inheritHandles notes what the kernel has open.
func (f *FS) inheritHandles(handles []Handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inherited = make(map[uint64]*inherited, len(handles))
	for _, h := range handles {
		next := &inherited{Handle: h, status: fuse.Status(h.Status)}
		if h.writes() {
			next.status = fuse.EIO
		}
		f.inherited[h.Number] = next
	}
}
