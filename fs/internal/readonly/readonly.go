// Package readonly has the answers of a file system that cannot be changed, to be
// embedded into go-fuse nodes: a directory embeds [Node] and [Dir], any other node
// [Node] alone, and each defines the operations that it has beside them.
//
//	type generationDir struct {
//		readonly.Node
//		readonly.Dir
//	}
//
// Without these methods go-fuse would answer some changes with success and others
// with ENOTSUP, which makes programs try another way.
package readonly

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
)

// Node is a node of which nothing can be set. It embeds go-fuse's Inode.
type Node struct{ fusefs.Inode }

var (
	_ fusefs.NodeStatfser      = (*Node)(nil)
	_ fusefs.NodeSetattrer     = (*Node)(nil)
	_ fusefs.NodeSetxattrer    = (*Node)(nil)
	_ fusefs.NodeRemovexattrer = (*Node)(nil)
)

// Setattr answers EROFS.
func (n *Node) Setattr(context.Context, fusefs.FileHandle, *fuse.SetAttrIn, *fuse.AttrOut) syscall.Errno {
	return syscall.EROFS
}

// Setxattr answers EROFS.
func (n *Node) Setxattr(context.Context, string, []byte, uint32) syscall.Errno {
	return syscall.EROFS
}

// Removexattr answers EROFS.
func (n *Node) Removexattr(context.Context, string) syscall.Errno {
	return syscall.EROFS
}

// Statfs answers from constants: df must not wait for a server. Nothing is
// known about room, so there is none, which also keeps the mount out of the
// totals of df.
func (n *Node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize = 4096
	out.Frsize = 4096
	out.NameLen = filename.Max
	return 0
}

// Dir answers EROFS to whatever would change what is in a directory.
type Dir struct{}

var (
	_ fusefs.NodeCreater   = Dir{}
	_ fusefs.NodeTmpfiler  = Dir{}
	_ fusefs.NodeMkdirer   = Dir{}
	_ fusefs.NodeMknoder   = Dir{}
	_ fusefs.NodeSymlinker = Dir{}
	_ fusefs.NodeLinker    = Dir{}
	_ fusefs.NodeUnlinker  = Dir{}
	_ fusefs.NodeRmdirer   = Dir{}
	_ fusefs.NodeRenamer   = Dir{}
)

// Create answers EROFS.
func (Dir) Create(context.Context, string, uint32, uint32, *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.EROFS
}

// Tmpfile answers EROFS.
func (Dir) Tmpfile(context.Context, uint32, uint32, *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.EROFS
}

// Mkdir answers EROFS.
func (Dir) Mkdir(context.Context, string, uint32, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EROFS
}

// Mknod answers EROFS.
func (Dir) Mknod(context.Context, string, uint32, uint32, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EROFS
}

// Symlink answers EROFS.
func (Dir) Symlink(context.Context, string, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EROFS
}

// Link answers EROFS.
func (Dir) Link(context.Context, fusefs.InodeEmbedder, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EROFS
}

// Unlink answers EROFS.
func (Dir) Unlink(context.Context, string) syscall.Errno { return syscall.EROFS }

// Rmdir answers EROFS.
func (Dir) Rmdir(context.Context, string) syscall.Errno { return syscall.EROFS }

// Rename answers EROFS.
func (Dir) Rename(context.Context, string, fusefs.InodeEmbedder, string, uint32) syscall.Errno {
	return syscall.EROFS
}
