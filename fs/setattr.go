package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/overlay"
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
		return n.setattrScratch(ctx, sc, fh, in, out)
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

// setattrScratch is Setattr for what the caller has found to be a scratch file. It
// may become a secret while the caller waits.
func (n *file) setattrScratch(ctx context.Context, sc *overlay.File, fh fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	_, cuts := in.GetSize()
	if cuts {
		if err := n.fs.carryOutBeforeChange(ctx, sc); err != nil {
			return n.fs.failed("setattr", n.path(), err)
		}
	}
	switch entered, err := n.enterScratch(ctx, sc); {
	case err != nil:
		return n.fs.failed("setattr", n.path(), err)
	case !entered:
		return n.Setattr(ctx, fh, in, out)
	}
	defer n.fs.overlay.Leave(sc)
	if cuts {
		n.fs.doubtLeftBehind(sc, n.fs.processOf(ctx))
	}
	if errno := sc.Setattr(in, n.fs.processOf(ctx)); errno != 0 {
		return errno
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
		return d.fs.refused("setattr", d.where().String(), "projects and environments are not changed here")
	}
	out.Ino = d.StableAttr().Ino
	return d.Getattr(ctx, fh, out)
}
