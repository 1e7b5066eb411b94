package controldir

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/readonly"
)

// refreshFile is .infisicalfs/refresh: a write of anything is a call of
// Config.Refresh, on a read-only file system too.
type refreshFile struct {
	readonly.Node
	cfg *Config
}

var (
	_ fusefs.NodeGetattrer = (*refreshFile)(nil)
	_ fusefs.NodeSetattrer = (*refreshFile)(nil)
	_ fusefs.NodeOpener    = (*refreshFile)(nil)
	_ fusefs.NodeReader    = (*refreshFile)(nil)
	_ fusefs.NodeWriter    = (*refreshFile)(nil)
	_ fusefs.NodeFsyncer   = (*refreshFile)(nil)
)

func (r *refreshFile) attr(out *fuse.Attr) { r.cfg.attr(0o200, 0, out) }

func (r *refreshFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	r.attr(&out.Attr)
	out.SetTimeout(always)
	return 0
}

// Setattr lets the shell truncate the file and touch set its date. Both change
// nothing; who owns it and its mode cannot be changed.
func (r *refreshFile) Setattr(_ context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if in.Valid&(fuse.FATTR_MODE|fuse.FATTR_UID|fuse.FATTR_GID) != 0 {
		return syscall.EPERM
	}
	r.attr(&out.Attr)
	return 0
}

func (r *refreshFile) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (r *refreshFile) Read(context.Context, fusefs.FileHandle, []byte, int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(nil), 0
}

func (r *refreshFile) Write(_ context.Context, _ fusefs.FileHandle, data []byte, _ int64) (uint32, syscall.Errno) {
	if err := r.cfg.Refresh(); err != nil {
		return 0, r.cfg.Failed("write", Name+"/"+refreshName, err)
	}
	return uint32(len(data)), 0
}

func (r *refreshFile) Fsync(context.Context, fusefs.FileHandle, uint32) syscall.Errno { return 0 }
