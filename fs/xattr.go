package fs

import (
	"context"
	"errors"
	"syscall"

	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

func (n *file) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := xattr.Foreign(attr); errno != 0 {
		return 0, errno // without asking the Source: ls -l asks for several of each file
	}
	list, err := n.xattrs(ctx)
	if err != nil {
		return 0, n.fs.failed("getxattr", n.path(), err)
	}
	return list.Get(attr, dest)
}

func (n *file) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	list, err := n.xattrs(ctx)
	if err != nil {
		return 0, n.fs.failed("listxattr", n.path(), err)
	}
	return list.Names(dest)
}

// xattrs returns what is known of the file. Of one that is not on the server that
// is what has been noted about it since, and of one that is there no more nothing.
func (n *file) xattrs(ctx context.Context) (xattr.List, error) {
	if later := n.notes(); later != nil {
		return later.List(), nil
	}
	snap, s, err := n.current(ctx)
	switch {
	case err == nil:
		return xattr.OfSecret(snap, &s), nil
	case errors.Is(err, secret.ErrNotFound) && n.fs.overlay.wasUnlinked(n.where()):
		return nil, nil // somebody has it open
	}
	return nil, err
}

func (d *dir) Getxattr(_ context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := xattr.Foreign(attr); errno != 0 {
		return 0, errno
	}
	return xattr.OfDir(d.where()).Get(attr, dest)
}

func (d *dir) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return xattr.OfDir(d.where()).Names(dest)
}

// notes returns where to note something about the file, nil: on the server.
func (n *file) notes() *xattr.Notes {
	if sc := n.asScratch(); sc != nil {
		return &sc.notes
	}
	dir, name := n.where()
	for _, h := range n.fs.overlay.writers(dir, name) {
		if h.buffer.Creating() {
			return &h.notes
		}
	}
	return nil
}
