package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Setattr cuts a secret to a length. Modes, owners and times are those of the
// mount and the server: setting them succeeds, because many programs do so after
// they have written a file, and changes nothing.
func (n *file) Setattr(ctx context.Context, fh fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if p := n.fs.eventOf(ctx); p != nil {
		return p.setattrFile(n, in, out)
	}
	if n.fs.cfg.Writer == nil {
		return n.keepDates(ctx, fh, in, out)
	}
	out.Ino = n.StableAttr().Ino
	if sc := n.asScratch(); sc != nil {
		if entered, err := n.enterScratch(ctx, sc); err != nil {
			return n.fs.failed("setattr", n.path(), err)
		} else if entered {
			defer n.fs.overlay.Leave(sc)
		} else {
			return n.Setattr(ctx, fh, in, out) // it has become a secret
		}
		if errno := sc.Setattr(in, n.fs.processOf(ctx)); errno != 0 {
			return errno
		}
		return n.Getattr(ctx, fh, out)
	}
	if size, ok := in.GetSize(); ok {
		errno := syscall.Errno(0)
		if h, ok := fh.(*writeHandle); ok {
			errno = h.truncate(ctx, size)
		} else {
			errno = n.truncate(ctx, size)
		}
		if errno != 0 {
			return errno
		}
	}
	return n.Getattr(ctx, fh, out)
}

// keepDates is Setattr where nothing may be changed. It succeeds for who sets the
// dates that the file has: watchers are told of a change in that way too, and not
// always can it be told who does it.
func (n *file) keepDates(ctx context.Context, fh fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if in.Valid&fuse.FATTR_MTIME == 0 || n.Getattr(ctx, fh, out) != 0 || !setsDates(in, &out.Attr) {
		return syscall.EROFS
	}
	out.Ino = n.StableAttr().Ino
	return 0
}

// Setattr of a directory changes nothing and succeeds in folders.
func (d *dir) Setattr(ctx context.Context, fh fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.setattrDir(d, in, out)
	}
	switch {
	case d.fs.cfg.Writer == nil:
		return syscall.EROFS
	case !d.where().IsFolder():
		return syscall.EPERM
	}
	out.Ino = d.StableAttr().Ino
	return d.Getattr(ctx, fh, out)
}
