package fs

import (
	"context"
	"fmt"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/secret"
)

// full reports whether the kernel opens files by itself.
func (f *FS) full() bool { return f.cfg.KernelCache == CacheFull }

var errTooLargeForFull = fmt.Errorf("%w to be read with --kernel-cache=full", secret.ErrTooLarge)

// Read reads what a handle has, or if the kernel opens files by itself, what it
// has been told the size of.
func (n *file) Read(ctx context.Context, fh fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if h, ok := fh.(fusefs.FileReader); ok {
		return h.Read(ctx, dest, off)
	}
	n.fs.reads.Add(1)
	_, s, err := n.current(ctx)
	if err != nil {
		return nil, n.fs.failed("read", n.path(), err)
	}
	shown := n.version(&s)
	switch {
	case s.Hidden: // even if what is shown for a moment longer is not
		return nil, n.fs.failed("read", n.path(), s.Unreadable())
	case shown.Hidden:
		return nil, n.fs.failed("read", n.path(), shown.Unreadable())
	case shown.Value.Len() > pagecache.OneRead:
		return nil, n.fs.failed("read", n.path(), errTooLargeForFull)
	}
	return fuse.ReadResultData(dest[:shown.Value.CopyAt(dest, off)]), 0
}

// Flush is a close. ENOSYS tells the kernel to leave it out from now on.
func (n *file) Flush(ctx context.Context, fh fusefs.FileHandle) syscall.Errno {
	if h, ok := fh.(fusefs.FileFlusher); ok {
		return h.Flush(ctx)
	}
	if n.fs.full() {
		return syscall.ENOSYS
	}
	return 0
}
