package fs

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// link is a symbolic link: ..data, or a secret's.
type link struct {
	node
	dir    *dir
	target string // empty: the current generation
}

var (
	_ fusefs.NodeReadlinker = (*link)(nil)
	_ fusefs.NodeGetattrer  = (*link)(nil)
)

func (n *link) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	if n.target != "" {
		return []byte(n.target), 0
	}
	g, err := n.dir.generation(ctx)
	if err != nil {
		return nil, n.fs.failed("readlink", n.dir.pathOf(dataName), err)
	}
	return []byte(g.name), 0
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
		out.Size = uint64(len(generationName))
		if g := n.dir.gens.latest(); g != nil {
			n.fs.setDate(g.made, out)
		}
	}
}

// linkTo is where a secret's link leads.
func linkTo(shown string) string { return dataName + "/" + shown }

// secretLink returns the link that stands for a secret.
func (d *dir) secretLink(ctx context.Context, shown string, out *fuse.EntryOut) *fusefs.Inode {
	n := &link{node{fs: d.fs}, d, linkTo(shown)}
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
