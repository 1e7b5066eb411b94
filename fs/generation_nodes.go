package fs

import (
	"context"
	"path"
	"strings"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/readonly"
	"infisicalfs/secret"
)

// linkID and generationID identify what is in a directory under a name that is
// no secret's.
func (d *dir) linkID(shown string) fusefs.StableAttr {
	return childID(d.StableAttr(), syscall.S_IFLNK, shown)
}

func (d *dir) generationID(name string) fusefs.StableAttr {
	id := d.StableAttr()
	return identify(syscall.S_IFDIR, "generation", number(id.Ino), number(id.Gen), name)
}

// lookupGeneration finds ..data and the generations. Not ok: it is another name.
func (d *dir) lookupGeneration(ctx context.Context, name string, out *fuse.EntryOut) (child *fusefs.Inode, errno syscall.Errno, ok bool) {
	if !strings.HasPrefix(name, "..") || !d.links() {
		return nil, 0, false
	}
	if name == dataName {
		out.SetEntryTimeout(always)
		return d.dataLink(ctx, dataName, &out.Attr), 0, true
	}
	g := d.gens.called(name)
	if g == nil {
		out.SetEntryTimeout(1)
		return nil, syscall.ENOENT, true
	}
	n := &generationDir{node: node{fs: d.fs}, generation: g}
	n.attr(&out.Attr)
	out.SetEntryTimeout(keepsGeneration)
	out.SetAttrTimeout(always)
	return d.NewInode(ctx, n, d.generationID(name)), 0, true
}

// generationDir is the directory of a generation.
type generationDir struct {
	node
	readonly.Dir
	generation *generation
}

var (
	_ fusefs.NodeLookuper  = (*generationDir)(nil)
	_ fusefs.NodeReaddirer = (*generationDir)(nil)
	_ fusefs.NodeGetattrer = (*generationDir)(nil)
)

func (n *generationDir) attr(out *fuse.Attr) { n.fs.dirAttr(n.generation.made, out) }

func (n *generationDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.attr(&out.Attr)
	out.SetTimeout(always)
	return 0
}

func (n *generationDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	snap := n.generation.snap.Load()
	if snap == nil {
		return nil, syscall.EACCES
	}
	e, ok := filename.Resolve(snap, name)
	if !ok || e.Secret == nil {
		return nil, n.absent(ctx, snap, name)
	}
	child := &generationFile{node: node{fs: n.fs}, generation: n.generation, name: e.Secret.Name}
	child.attr(e.Secret, &out.Attr)
	out.SetEntryTimeout(always)
	out.SetAttrTimeout(always)
	return n.NewInode(ctx, child, n.fileID(name)), 0
}

// absent says why the generation has no such name. One from a bulk answer may lack
// what exists: the kernel then walks the path again, to the next generation.
func (n *generationDir) absent(ctx context.Context, snap *secret.Folder, shown string) syscall.Errno {
	if !snap.Partial {
		return syscall.ENOENT
	}
	_, e, _, err := n.fs.entry(ctx, snap.Dir, shown)
	switch {
	case err != nil:
		return n.fs.failed("lookup", path.Join(snap.Dir.String(), shown), err)
	case e.Secret != nil:
		return syscall.ESTALE
	}
	return syscall.ENOENT
}

func (n *generationDir) fileID(shown string) fusefs.StableAttr {
	return childID(n.StableAttr(), syscall.S_IFREG, shown)
}

func (n *generationDir) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	snap := n.generation.snap.Load()
	if snap == nil {
		return nil, syscall.EACCES
	}
	list := []fuse.DirEntry{
		{Name: ".", Mode: syscall.S_IFDIR, Ino: n.StableAttr().Ino},
		{Name: "..", Mode: syscall.S_IFDIR, Ino: n.generation.at.StableAttr().Ino},
	}
	for _, s := range snap.Secrets {
		shown := filename.OfSecret(snap, s.Name)
		list = append(list, fuse.DirEntry{Name: shown, Mode: syscall.S_IFREG, Ino: n.fileID(shown).Ino})
	}
	return fusefs.NewListDirStream(list), 0
}

// generationFile is a secret in a generation. It never changes, so the kernel may
// keep all of it, until it is revoked.
type generationFile struct {
	node
	generation *generation
	name       string
}

var (
	_ fusefs.NodeGetattrer   = (*generationFile)(nil)
	_ fusefs.NodeOpener      = (*generationFile)(nil)
	_ fusefs.NodeReader      = (*generationFile)(nil)
	_ fusefs.NodeFlusher     = (*generationFile)(nil)
	_ fusefs.NodeGetxattrer  = (*generationFile)(nil)
	_ fusefs.NodeListxattrer = (*generationFile)(nil)
)

// secret returns what the file shows, or why it does not.
func (n *generationFile) secret(op string) (*secret.Folder, *secret.Secret, syscall.Errno) {
	snap := n.generation.snap.Load()
	if snap == nil {
		return nil, nil, syscall.EACCES
	}
	s, ok := snap.Secret(n.name)
	if ok && s.Hidden && op != "getattr" {
		return nil, nil, n.fs.failed(op, path.Join(snap.Dir.String(), filename.Encode(n.name)), hidden(&s))
	}
	if !ok {
		return nil, nil, syscall.EIO // a generation has the same names for ever
	}
	return snap, &s, 0
}

func (n *generationFile) attr(s *secret.Secret, out *fuse.Attr) {
	n.fs.secretAttr(n.generation.at.where(), s.Name, s, out)
	if s.Hidden {
		out.Size = 1 // with 0 the kernel would not READ, if it opens files by itself
	}
}

func (n *generationFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	_, s, errno := n.secret("getattr")
	if errno == 0 {
		n.attr(s, &out.Attr)
		out.SetTimeout(always)
	}
	return errno
}

func (n *generationFile) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	switch _, _, errno := n.secret("open"); {
	case writesWith(flags):
		return nil, 0, syscall.EROFS
	case n.fs.full():
		return nil, 0, syscall.ENOSYS
	case errno != 0:
		return nil, 0, errno
	}
	n.fs.opens.Add(1)
	if n.fs.cfg.KernelCache == CacheOff {
		return nil, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, 0
	}
	return nil, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}

func (n *generationFile) Read(_ context.Context, _ fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.fs.reads.Add(1)
	_, s, errno := n.secret("read")
	if errno != 0 {
		return nil, errno
	}
	return fuse.ReadResultData(dest[:s.Value.CopyAt(dest, off)]), 0
}

func (n *generationFile) Flush(context.Context, fusefs.FileHandle) syscall.Errno {
	if n.fs.full() {
		return syscall.ENOSYS // the kernel leaves it out from now on
	}
	return 0
}

func (n *generationFile) Getxattr(_ context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := foreign(attr); errno != 0 {
		return 0, errno
	}
	snap, s, errno := n.secret("getattr")
	if errno != 0 {
		return 0, errno
	}
	return getxattr(secretXattrs(snap, s), attr, dest)
}

func (n *generationFile) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	snap, s, errno := n.secret("getattr")
	if errno != 0 {
		return 0, errno
	}
	return listxattr(secretXattrs(snap, s), dest)
}
