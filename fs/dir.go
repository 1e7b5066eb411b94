package fs

import (
	"context"
	"path"
	"sync"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/lastlisting"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/secret"
)

// dir is a directory: the list of projects, of a project's environments, or a
// folder. The mount's root is one too.
type dir struct {
	node
	at          atomic.Pointer[location] // nil for the mount's root
	pages       pagecache.Listing
	lastListing lastlisting.Memo[fuse.DirEntry]
	generations generation.History // of a folder, if it shows links; see history
	recalled    sync.Once          // what an earlier process knew of them
}

func (d *dir) isRoot() bool { return d == d.fs.root }

// Lookup finds a name in the directory. Only what the Source knows to be absent
// is reported as absent.
func (d *dir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	d.fs.known.Store(true)
	if len(name) > filename.Max {
		return nil, syscall.ENAMETOOLONG // Linux hands on names of up to 1024 bytes
	}
	if p := d.fs.eventOf(ctx); p != nil {
		return p.lookup(ctx, d, name, out)
	}
	if d.isRoot() && d.fs.probed(ctx, name) {
		return nil, syscall.ENOENT
	}
	if d.shadows(name) {
		return d.fs.controls.Child(ctx, d.EmbeddedInode(), out), 0
	}
	if child, errno, ok := d.lookupGeneration(ctx, name, out); ok {
		return child, errno
	}
	if child := d.fs.scratchDirChild(ctx, d, name, &out.Attr); child != nil {
		return child, 0
	}
	d.giveWay(ctx, name)
	if child := d.fs.scratchFileChild(ctx, d, name, &out.Attr); child != nil {
		return child, 0
	}
	if !filename.Plausible(name) {
		return nil, syscall.ENOENT
	}
	snap, e, ok, err := d.fs.entry(ctx, d.where(), name)
	if err != nil {
		return nil, d.fs.failed("lookup", path.Join(d.where().String(), name), err)
	}
	if local := d.localChild(ctx, snap, name, e, ok, out); local != nil {
		return local, 0
	}
	if !ok {
		view, err := d.viewChild(ctx, snap, name, out)
		if err != nil {
			return nil, d.fs.failed("lookup", d.pathOf(name), err)
		}
		if view != nil {
			return view, 0
		}
		d.fs.absent(d, name, snap, out)
		return nil, syscall.ENOENT
	}
	if e.Secret != nil && d.fs.overlay.Whiteout(snap.Dir, e.Secret.Name) != nil {
		out.SetEntryTimeout(1) // it may be back at any time
		return nil, syscall.ENOENT
	}
	return d.child(ctx, snap, e, out), 0
}

// child returns the node for an entry of snap and fills out.
func (d *dir) child(ctx context.Context, snap *secret.Folder, e filename.Entry, out *fuse.EntryOut) *fusefs.Inode {
	left := d.fs.remaining(snap)
	out.SetEntryTimeout(left)
	out.SetAttrTimeout(left)
	if e.Folder != nil {
		d.fs.dirAttr(e.Folder.Updated, &out.Attr)
		return d.folderInode(ctx, e.Folder.Name)
	}
	if d.links() {
		return d.secretLink(ctx, filename.OfSecret(snap, e.Secret.Name), out)
	}
	if d.fs.drafts.beingWritten(d.where(), e.Secret.Name) {
		out.SetAttrTimeout(0)
	}
	child := d.secretInode(ctx, filename.OfSecret(snap, e.Secret.Name), e.Secret.Name)
	child.Operations().(*file).attr(e.Secret, &out.Attr)
	return child
}

// Getattr asks for the folder above, which has just been walked through, and
// never for the one itself: a stat of many directories costs no request each.
func (d *dir) Getattr(ctx context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.getattrDir(d, out)
	}
	if d.isRoot() {
		d.fs.known.Store(true) // somebody may be about to watch it
		d.fs.dirAttr(d.fs.cfg.MountTime, &out.Attr)
		out.SetTimeout(always)
		return 0
	}
	var sub secret.Subfolder
	here := d.where()
	snap, ok, err := d.fs.find(ctx, here.Parent(), here.Name(), func(snap *secret.Folder) (ok bool) {
		sub, ok = snap.Subfolder(here.Name())
		return ok
	})
	if err != nil {
		return d.fs.failed("getattr", here.String(), err)
	}
	if !ok {
		return syscall.ENOENT
	}
	d.fs.dirAttr(sub.Updated, &out.Attr)
	out.SetTimeout(d.fs.remaining(snap))
	return 0
}

// forgetListing makes the kernel drop a listing that is old. The message takes
// locks of pages only.
func (d *dir) forgetListing() { d.pages.Drop(func() { d.NotifyContent(0, 0) }) }
