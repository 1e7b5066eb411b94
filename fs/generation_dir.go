package fs

import (
	"context"
	"path"
	"strings"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/readonly"
	"infisicalfs/secret"
)

// lookupGeneration finds ..data and the generations. Not ok: it is another name.
func (d *dir) lookupGeneration(ctx context.Context, name string, out *fuse.EntryOut) (child *fusefs.Inode, errno syscall.Errno, ok bool) {
	if !strings.HasPrefix(name, "..") || !d.links() {
		return nil, 0, false
	}
	if name == generation.Data {
		out.SetEntryTimeout(always)
		return d.dataLink(ctx, generation.Data, &out.Attr), 0, true
	}
	if name == d.history().Inherited() { // nobody has asked what is current
		if _, err := d.generation(ctx); err != nil {
			return nil, d.fs.failed("lookup", d.pathOf(name), err), true
		}
	}
	g := d.history().Called(name)
	if g == nil && (d.history().Lost(name) || d.fs.inheritedGenerations.Lost(name)) {
		return nil, syscall.ESTALE, true
	}
	if g == nil {
		out.SetEntryTimeout(1)
		return nil, syscall.ENOENT, true
	}
	n := d.newGenerationDir(g)
	n.attr(&out.Attr)
	out.SetEntryTimeout(generation.Keeps)
	out.SetAttrTimeout(always)
	return d.NewInode(ctx, n, d.generationID(name)), 0, true
}

// generationDir is the directory of a generation.
type generationDir struct {
	node
	readonly.Dir
	above      *dir
	generation *generation.Generation
}

func (d *dir) newGenerationDir(g *generation.Generation) *generationDir {
	return &generationDir{node: node{fs: d.fs}, above: d, generation: g}
}

// newFile makes the node of the secret of that name, which is the server's.
func (n *generationDir) newFile(name string) *generationFile {
	return &generationFile{node: node{fs: n.fs}, above: n.above, generation: n.generation, name: name}
}

func (n *generationDir) attr(out *fuse.Attr) { n.fs.dirAttr(n.generation.Made, out) }

func (n *generationDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.attr(&out.Attr)
	out.SetTimeout(always)
	return 0
}

func (n *generationDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	snap := n.generation.Shown()
	if snap == nil {
		return nil, syscall.EACCES
	}
	e, ok := filename.Resolve(snap, name)
	if !ok && n.above.view(name) != nil {
		return n.viewLink(ctx, name, out), 0
	}
	if !ok || e.Secret == nil {
		return nil, n.absent(ctx, snap, name)
	}
	child := n.newFile(e.Secret.Name)
	child.attr(e.Secret, &out.Attr)
	out.SetEntryTimeout(always)
	out.SetAttrTimeout(always)
	return n.NewInode(ctx, child, n.fileID(name)), 0
}

// viewLink returns the link to a view of the directory, which has one for all generations.
func (n *generationDir) viewLink(ctx context.Context, name string, out *fuse.EntryOut) *fusefs.Inode {
	child := &link{node{fs: n.fs}, n.above, "../" + name}
	child.attr(&out.Attr)
	out.SetEntryTimeout(always)
	out.SetAttrTimeout(always)
	return n.NewInode(ctx, child, inode.Child(n.StableAttr(), syscall.S_IFLNK, name))
}

// inherited returns the inode that the kernel has under a name from an earlier process.
func (n *generationDir) inherited(ctx context.Context, shown string) *fusefs.Inode {
	if n.above.view(shown) != nil {
		return n.viewLink(ctx, shown, new(fuse.EntryOut))
	}
	return n.NewInode(ctx, n.newFile(""), n.fileID(shown))
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
	return inode.Child(n.StableAttr(), syscall.S_IFREG, shown)
}

func (n *generationDir) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	snap := n.generation.Shown()
	if snap == nil {
		return nil, syscall.EACCES
	}
	list := []fuse.DirEntry{
		{Name: ".", Mode: syscall.S_IFDIR, Ino: n.StableAttr().Ino},
		{Name: "..", Mode: syscall.S_IFDIR, Ino: n.above.StableAttr().Ino},
	}
	for _, s := range snap.Secrets {
		shown := filename.OfSecret(snap, s.Name)
		list = append(list, fuse.DirEntry{Name: shown, Mode: syscall.S_IFREG, Ino: n.fileID(shown).Ino})
	}
	return fusefs.NewListDirStream(list), 0
}

// Lseek answers [LseekVersion] for who has the directory open: it never changes.
func (n *generationDir) Lseek(_ context.Context, _ fusefs.FileHandle, salt uint64, whence uint32) (uint64, syscall.Errno) {
	switch {
	case !asksVersion(whence):
		return 0, syscall.EINVAL
	case n.generation.Shown() == nil:
		return 0, syscall.EACCES
	}
	p := newPrint(salt)
	p.text(n.generation.Name)
	return p.answer()
}
