package fs

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/generation"
)

// link is a symbolic link: ..data, a secret's, or in a generation that of a view.
type link struct {
	node
	dir    *dir
	target string // empty: the current generation
}

func (n *link) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	if n.target != "" {
		return []byte(n.target), 0
	}
	g, err := n.dir.generation(ctx)
	if err != nil {
		return nil, n.fs.failed("readlink", n.dir.pathOf(generation.Data), err)
	}
	return []byte(g.Name), 0
}

func (n *link) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.attr(&out.Attr)
	if n.target != "" {
		out.SetTimeout(always)
	}
	return 0
}

func (n *link) attr(out *fuse.Attr) {
	out.Mode, out.Nlink, out.Size = 0o777, 1, uint64(len(n.target))
	out.Uid, out.Gid = n.fs.cfg.UID, n.fs.cfg.GID
	n.fs.setDate(time.Time{}, out)
	if n.target == "" {
		out.Size = uint64(len(generation.NameForm))
		if g := n.dir.history().Latest(); g != nil {
			n.fs.setDate(g.Made, out)
		}
	}
}

// secretLink returns the link that stands for a secret.
func (d *dir) secretLink(ctx context.Context, shown string, out *fuse.EntryOut) *fusefs.Inode {
	n := &link{node{fs: d.fs}, d, generation.Target(shown)}
	n.attr(&out.Attr)
	return d.NewInode(ctx, n, d.linkID(shown))
}

// dataLink returns a node for ..data. What is moved into its place must not be
// the one that is there, or the kernel would leave everything as it is: so each
// generation's has an identity of its own until ..data is looked up again.
func (d *dir) dataLink(ctx context.Context, identity string, out *fuse.Attr) *fusefs.Inode {
	n := &link{node{fs: d.fs}, d, ""}
	n.attr(out)
	return d.NewInode(ctx, n, d.linkID(identity))
}
