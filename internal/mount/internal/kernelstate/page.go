package kernelstate

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs"
)

// Pages belong to a file, and all who have it open are shown them without a question. So
// where one is filled, handles of a process before this one count too. What such a handle
// shows the nodes below know once it is opened again; one that cannot be shows nothing, and
// the kernel would show it the page.

// pageWait is how long a READ that fills a page waits for handles to be opened again. It
// holds a lock of the page meanwhile.
const pageWait = time.Second

// page is looks for a READ, which may be one that fills a page.
func (f *FS) page(cancel <-chan struct{}, in *fuse.ReadIn) fuse.Status {
	before := in.Fh
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	if !f.heir || !fs.FillsPage(in) || f.allOpen(in.NodeId) {
		return fuse.OK
	}
	if f.direct(before) {
		return fuse.EINVAL // as package fs answers it
	}
	return stale
}

// allOpen reports whether all that the kernel has open of a file is open below, and opens
// what is not yet.
func (f *FS) allOpen(node uint64) bool {
	missing, ok := f.missing(node)
	if !ok || len(missing) == 0 {
		return ok
	}
	opened := make(chan bool, 1)
	go func() {
		ok := true
		for _, number := range missing {
			_, status := f.handle(nil, number)
			ok = ok && status.Ok()
		}
		opened <- ok
	}()
	timer := time.NewTimer(pageWait)
	defer timer.Stop()
	select {
	case ok := <-opened:
		return ok
	case <-timer.C:
		return false
	}
}

// missing returns what is to be opened again of a file. It reports false if there is what
// never will be.
func (f *FS) missing(node uint64) (list []uint64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, h := range f.inherited {
		switch {
		case h.Node != node || h.Dir || h.now != 0 || !h.reads():
		case !h.status.Ok():
			return nil, false
		default:
			list = append(list, number)
		}
	}
	return list, true
}

// direct reports whether a handle was opened with direct I/O.
func (f *FS) direct(number uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := uint32(fuse.FOPEN_DIRECT_IO)
	if h, ok := f.inherited[number]; ok {
		answer = h.Answer
	} else if below := number & lowerHalf; number>>32 == f.epoch && below < uint64(len(f.opened)) {
		answer = f.opened[below].answer
	}
	return answer&fuse.FOPEN_DIRECT_IO != 0
}
