package fs

import (
	"context"
	"time"

	"infisicalfs/secret"
)

// How long an operation waits for a file that programs have closed already: for
// the kernel to let go of it, and then for its value to arrive.
const (
	releaseComes = time.Second
	releaseLasts = 5 * time.Second
)

// settle waits for what was closed a moment ago: a shell's `: > KEY` has
// returned, and the value is sent only now. A file that stays open although one
// of its descriptors was closed is not waited for if that can be seen (a shell
// that redirects closes one at once, and then asks what it writes to), else once.
//
// Neither is the handle that the request itself holds, nil for none: its RELEASE
// waits for the request. go-fuse has GETATTR hold any handle that is open.
func (f *FS) settle(ctx context.Context, dir secret.Dir, name string, holds *writeHandle) {
	for _, h := range f.overlay.writers(dir, name) {
		if h != holds && h.closed() && !h.stillOpen() && !h.wait(ctx, releaseComes) && h.releasing() {
			h.wait(ctx, releaseLasts)
		}
	}
}

// wait waits for the end of the handle and reports whether it came.
func (h *writeHandle) wait(ctx context.Context, limit time.Duration) bool {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-h.released:
		return true
	case <-ctx.Done():
	case <-timeout.C:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lingers = true
	return false
}

// closed reports whether the handle seems to be closed with something unsent.
func (h *writeHandle) closed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sendNext || h.closing && !h.lingers && h.unsent == opened
}

// stillOpen reports whether whoever opened the handle is known to have the file
// open for writing. RELEASE is on its way before the last close(2) returns.
func (h *writeHandle) stillOpen() bool {
	return !h.releasing() && h.opener.Writes(h.file.StableAttr().Ino)
}

func (h *writeHandle) releasing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sendNext
}
