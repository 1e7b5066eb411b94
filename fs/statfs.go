package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
)

// Statfs answers from constants: df must not wait for a server. Nothing is
// known about room, so there is none, which also keeps the mount out of the
// totals of df.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize = 4096
	out.Frsize = 4096
	out.NameLen = filename.Max
	return 0
}
