package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// What there is no place for on the server. Without these methods go-fuse would
// answer ENOTSUP, which makes programs try another way.

var (
	_ fusefs.NodeTmpfiler  = (*dir)(nil)
	_ fusefs.NodeSymlinker = (*dir)(nil)
	_ fusefs.NodeLinker    = (*dir)(nil)
)

// Tmpfile is not there: programs then create a file with a name.
func (d *dir) Tmpfile(context.Context, uint32, uint32, *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, d.refusal(syscall.EOPNOTSUPP)
}

func (d *dir) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.symlink(ctx, d, name, target, out)
	}
	return nil, d.refusal(syscall.EPERM)
}

func (d *dir) Link(context.Context, fusefs.InodeEmbedder, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, d.refusal(syscall.EPERM)
}

func (d *dir) refusal(errno syscall.Errno) syscall.Errno {
	if d.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	return errno
}
