package fs

import (
	"context"
	"time"

	"infisicalfs/secret"
)

// How long an operation waits for a file that programs have closed already: for
// the kernel to send RELEASE, and then for the value to arrive.
const (
	releaseComes = time.Second
	releaseLasts = 5 * time.Second
)

// awaitRelease waits for what was closed a moment ago: a shell's `: > KEY` has
// returned, and the value is sent only now. A file that stays open although one
// of its descriptors was closed is not waited for if that can be seen (a shell
// that redirects closes one at once, and then asks what it writes to), else once.
//
// Neither is the handle that the request itself holds, nil for none: its RELEASE
// waits for the request. go-fuse has GETATTR hold any handle that is open.
func (f *FS) awaitRelease(ctx context.Context, dir secret.Dir, name string, holds *writeHandle) {
	for _, h := range f.overlay.writers(dir, name) {
		b := h.buffer
		if h != holds && b.LooksClosed() && !h.stillOpen() && !b.AwaitRelease(ctx, releaseComes) && b.IsReleasing() {
			b.AwaitRelease(ctx, releaseLasts)
		}
	}
}

// stillOpen reports whether whoever opened the handle is known to have the file
// open for writing. RELEASE is on its way before the last close(2) returns.
func (h *writeHandle) stillOpen() bool {
	return !h.buffer.IsReleasing() && h.buffer.Opener().Writes(h.file.StableAttr().Ino)
}
