package fs

import (
	"context"
	"iter"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/tempname"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// Create makes a scratch file or a secret. A secret comes to be on the server
// when its first text is sent; until then its name is taken here.
func (d *dir) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.create(ctx, d, name, out)
	}
	if d.fs.cfg.Writer == nil {
		return nil, nil, 0, syscall.EROFS
	}
	ctx, stop := d.fs.killable(ctx)
	defer stop()
	child, fh, err := d.create(ctx, name, flags, mode, out)
	if err != nil {
		return nil, nil, 0, d.fs.failed("create", d.pathOf(name), err)
	}
	return child, fh, fuse.FOPEN_DIRECT_IO, 0
}

func (d *dir) create(ctx context.Context, shown string, flags, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, error) {
	d.fs.known.Store(true)
	if err := d.newEntry(shown); err != nil {
		return nil, nil, err
	}
	snap, e, _, err := d.fs.entry(ctx, d.where(), shown)
	if err != nil {
		return nil, nil, err
	}
	if kind := d.fs.kindOf(ctx, snap, shown, flags, mode); kind.scratch {
		return d.createScratch(ctx, snap, shown, kind, flags, mode, out)
	}
	if e.Folder != nil {
		return nil, nil, errIsDir
	}
	name, err := filename.Key(snap, shown)
	if e.Secret == nil && err == nil {
		name, err = d.fs.newName(snap, shown)
	}
	if err != nil {
		return nil, nil, err
	}
	n := d.newFile(name)
	h := n.newHandle(ctx, flags, nil)
	var child *fusefs.Inode
	err = d.fs.opened.Open(h, func() error {
		err := h.loadNew(ctx, snap, e.Secret, flags)
		if err == nil { // before anybody else knows the handle
			child = d.NewInode(ctx, n, d.secretID(shown, name))
			h.file = child.Operations().(*file) // which the kernel may have known before
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	d.fs.drafts.add(h, snap.Dir, name)
	d.fs.writers.Add(h)
	d.fs.draftAttr(snap.Dir, name, &out.Attr)
	h.keepCacheOut()
	return child, h, nil
}

// loadNew begins with an empty text for a name that the kernel took for absent.
// It may be there all the same: covered by a whiteout, or since a moment ago.
func (h *writeHandle) loadNew(ctx context.Context, snap *secret.Folder, there *secret.Secret, flags uint32) error {
	f := h.file.fs
	_, name := h.file.where()
	w := f.overlay.Whiteout(snap.Dir, name)
	if w != nil && !w.MayWrite(h.buffer.Opener()) {
		// Somebody else makes a new secret: the rename was meant.
		if err := f.carryRenameOut(ctx, w); err != nil && mayWorkLater(err) {
			return err
		}
		if w = f.overlay.Whiteout(snap.Dir, name); w == nil {
			there = nil
		}
	}
	switch {
	case f.cfg.PersonalReadOnly:
		return commit.ErrPersonal
	case there != nil && w == nil && flags&syscall.O_EXCL != 0, f.drafts.beingCreated(snap.Dir, name) && flags&syscall.O_EXCL != 0:
		return secret.ErrExists
	case there != nil && w == nil:
		return h.load(ctx, flags)
	case there != nil && there.Import == nil:
		if err := f.committer.Writable(there); err != nil {
			return err
		}
		if err := f.denials.Check(snap.Dir, commit.MayChange); err != nil {
			return err
		}
		// It has left its name, so nothing of its old text is wanted.
		if err := h.loadSecret(ctx, snap.Dir, there, true); err != nil {
			return err
		}
		h.buffer.BasedOn(w.Base)
		h.under = w
		return nil
	}
	h.buffer.BeginNew()
	return f.denials.Check(snap.Dir, commit.MayCreate)
}

func (d *dir) createScratch(ctx context.Context, snap *secret.Folder, name string, kind kind, flags, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, error) {
	sc := d.fs.overlay.Find(snap.Dir, name)
	switch {
	case sc != nil && flags&syscall.O_EXCL != 0:
		return nil, nil, secret.ErrExists
	case sc == nil:
		sc = d.fs.newScratch(ctx, snap, kind, mode)
		if !d.fs.overlay.Link(sc, snap.Dir, name) {
			return nil, nil, overlay.ErrFull
		}
	}
	child := d.fs.scratchFileChild(ctx, d, name, &out.Attr)
	if child == nil {
		return nil, nil, secret.ErrConflict // it has been renamed or unlinked meanwhile
	}
	fh, _, errno := child.Operations().(*file).openScratch(ctx, sc, flags)
	if errno != 0 {
		return nil, nil, secret.ErrConflict
	}
	if kind.class == overlay.Doubtful {
		d.fs.doubt(sc, d.fs.processOf(ctx))
	}
	return child, fh, nil
}

// localChild returns the node of a secret that is here already and not on the
// server: its creator has not sent it yet.
func (d *dir) localChild(ctx context.Context, snap *secret.Folder, shown string, e filename.Entry, found bool, out *fuse.EntryOut) *fusefs.Inode {
	drafts, dir := &d.fs.drafts, d.where()
	name, _ := filename.Key(snap, shown)
	switch {
	case found && (e.Secret == nil || d.fs.overlay.Whiteout(dir, e.Secret.Name) == nil):
		return nil
	case found && !drafts.beingWritten(dir, name), !found && !drafts.beingCreated(dir, name):
		return nil
	}
	d.fs.draftAttr(dir, name, &out.Attr)
	return d.newFileInode(ctx, name, d.secretID(shown, name))
}

// Mknod of a regular file creates it, as mknod(2) does, and has no handle: a
// secret is on the server when it returns.
func (d *dir) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if d.fs.cfg.Writer == nil {
		return nil, syscall.EROFS
	}
	if kind := mode & syscall.S_IFMT; kind != 0 && kind != syscall.S_IFREG {
		return nil, d.fs.refused("mknod", d.pathOf(name), "a secret cannot be a pipe, a socket or a device")
	}
	ctx, stop := d.fs.killable(ctx)
	defer stop()
	child, fh, err := d.create(ctx, name, syscall.O_EXCL, mode, out)
	if err == nil {
		h := fh.(*writeHandle)
		err = h.send(ctx, writeback.AtOnce)
		h.Release(ctx)
	}
	if err != nil {
		return nil, d.fs.failed("mknod", d.pathOf(name), err)
	}
	return child, 0
}

// newEntry says why nothing can be created in the directory under a file name,
// whatever it would be.
func (d *dir) newEntry(shown string) error {
	switch {
	case len(shown) > filename.Max:
		return filename.ErrTooLong
	case d.shadows(shown):
		return errControl
	case !d.where().IsFolder():
		return errNotHere
	case d.view(shown) != nil:
		return errViewName
	}
	return nil
}

// newName returns the server's name for a secret that is to be made and shown
// under a file name.
func (f *FS) newName(snap *secret.Folder, shown string) (string, error) {
	name, err := filename.Key(snap, shown)
	if err == nil {
		err = f.cfg.Refuses(snap.Dir, name, false)
	}
	return name, err
}

// Tmpfile is not there: programs then create a file with a name. Neither are the
// other things that there is no place for on the server; without these methods
// go-fuse would answer ENOTSUP to all, which makes programs try another way.
func (d *dir) Tmpfile(context.Context, uint32, uint32, *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, d.unsupported(syscall.EOPNOTSUPP)
}

func (d *dir) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.symlink(ctx, d, name, target, out)
	}
	return nil, d.unsupported(d.fs.refused("symlink", d.pathOf(name), "a secret cannot be a symbolic link"))
}

func (d *dir) Link(_ context.Context, _ fusefs.InodeEmbedder, name string, _ *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, d.unsupported(d.fs.refused("link", d.pathOf(name), "a secret has one name"))
}

// unsupported is errno, or EROFS where nothing can be made at all.
func (d *dir) unsupported(errno syscall.Errno) syscall.Errno {
	if d.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	return errno
}

// kind is what a file is that is created. The zero kind is a secret.
type kind struct {
	scratch  bool
	class    overlay.Class // of a scratch file
	onlyCopy bool          // it may be the only copy of what was typed
}

// kindOf decides what a file is that is created: a secret, or scratch. What is
// there already is what it is; then the name counts, and for names that could be
// both, who creates it and how.
func (f *FS) kindOf(ctx context.Context, snap *secret.Folder, shown string, flags, mode uint32) kind {
	e, taken := filename.Resolve(snap, shown)
	if taken && (e.Folder != nil || f.overlay.Whiteout(snap.Dir, e.Secret.Name) == nil) {
		return kind{}
	}
	if sc := f.overlay.Find(snap.Dir, shown); sc != nil || f.names.Temporary(shown, f.siblings(snap)) {
		return kind{scratch: true, onlyCopy: tempname.OnlyCopy(shown)}
	}
	if name, ok := filename.Decode(shown); taken || ok && f.overlay.WasUnlinked(snap.Dir, name) {
		return kind{} // it is written anew
	}
	if tempname.MayBeEmergency(shown) {
		sibling := func(name string) bool { _, ok := filename.Resolve(snap, name); return ok }
		if yes, unsent := tempname.Emergency(shown, caller.Program(threadOf(ctx)), flags, sibling); yes {
			return kind{scratch: true, onlyCopy: unsent}
		}
	}
	if tempname.Doubtful(shown, flags, mode, f.siblings(snap)) && f.overlay.HasRoomForDoubtful() {
		return kind{scratch: true, class: overlay.Doubtful}
	}
	return kind{}
}

// siblings returns the file names of all that a folder has, of what is being
// made in it, and of what was removed from it a moment ago. A program's
// temporary is called after one of them.
func (f *FS) siblings(snap *secret.Folder) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range snap.Secrets {
			if !yield(filename.OfSecret(snap, snap.Secrets[i].Name)) {
				return
			}
		}
		for _, name := range f.drafts.namesIn(snap.Dir) {
			if !yield(filename.Encode(name)) {
				return
			}
		}
		for _, name := range f.overlay.NamesUnlinked(snap.Dir) {
			if !yield(filename.Encode(name)) {
				return
			}
		}
	}
}
