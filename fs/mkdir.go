package fs

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/tempname"
	"infisicalfs/secret"
)

// Mkdir creates a folder.
func (d *dir) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.mkdir(ctx, d, name, out)
	}
	if d.fs.cfg.Writer == nil {
		return nil, syscall.EROFS
	}
	if d.newEntry(name) == nil && tempname.TemporaryDir(name) {
		return d.mkScratchDir(ctx, name, out)
	}
	ctx, stop := d.fs.killable(ctx)
	defer stop()
	child, err := d.mkdir(ctx, name, out)
	if err != nil {
		return nil, d.fs.failed("mkdir", d.pathOf(name), err)
	}
	return child, 0
}

// mkScratchDir makes a scratch directory, unless the server has something of that
// name.
func (d *dir) mkScratchDir(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	_, _, taken, err := d.fs.entry(ctx, d.where(), name)
	if err == nil && taken {
		err = secret.ErrExists
	}
	if err != nil {
		return nil, d.fs.failed("mkdir", d.pathOf(name), err)
	}
	return d.fs.mkScratchDir(ctx, d, name, out)
}

func (d *dir) mkdir(ctx context.Context, shown string, out *fuse.EntryOut) (*fusefs.Inode, error) {
	f, dir := d.fs, d.where()
	f.known.Store(true)
	if err := d.newEntry(shown); err != nil {
		return nil, err
	}
	name, ok := filename.Decode(shown)
	if !ok {
		return nil, filename.ErrNone
	}
	if err := filename.Valid(name); err != nil {
		return nil, err
	}
	if err := f.cfg.Refuses(dir, name, true); err != nil {
		return nil, err
	}
	leave, err := f.folderQueue.Enter(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer leave()
	// Servers keep folders and secrets apart, and old ones return the folder
	// that is there already as if it had been made.
	_, _, taken, err := f.entry(ctx, dir, shown)
	if err != nil {
		return nil, err
	}
	if taken || f.drafts.beingCreated(dir, name) || f.overlay.Find(dir, shown) != nil {
		return nil, secret.ErrExists
	}
	if err := f.cfg.Writer.CreateFolder(ctx, dir, name); err != nil {
		return nil, err
	}
	f.applyOwnFolder(ownFolderChange{at: dir.Child(name)})
	f.dirAttr(time.Now(), &out.Attr)
	return d.newDirInode(ctx, name, d.folderID(name)), nil
}

// Rmdir deletes a folder that has nothing of its own in it; imports do not
// count, and neither do scratch files that nobody sees.
func (d *dir) Rmdir(ctx context.Context, name string) syscall.Errno {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.remove(d, name, true)
	}
	if d.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	if d.shadows(name) || !d.where().IsFolder() {
		return d.fs.failed("rmdir", d.pathOf(name), errNotHere)
	}
	if _, ok := d.fs.overlay.Dir(d.where(), name); ok {
		return d.fs.rmScratchDir(d, name)
	}
	ctx, stop := d.fs.killable(ctx)
	defer stop()
	if err := d.rmdir(ctx, name); err != nil {
		return d.fs.failed("rmdir", d.pathOf(name), err)
	}
	return 0
}

func (d *dir) rmdir(ctx context.Context, shown string) error {
	f, dir := d.fs, d.where()
	dirs := []secret.Dir{dir}
	if name, ok := filename.Decode(shown); ok {
		dirs = append(dirs, dir.Child(name)) // nothing shall be made in it after the look
	}
	leave, err := f.folderQueue.Enter(ctx, dirs...)
	if err != nil {
		return err
	}
	defer leave()
	sub, err := d.subfolder(ctx, shown)
	if err != nil {
		return err
	}
	below := dir.Child(sub.Name)
	snap, err := f.proof(ctx, below)
	if err != nil {
		return err
	}
	if snap.Denied != nil {
		return snap.Denied
	}
	if !f.empty(snap) {
		return secret.ErrNotEmpty
	}
	if err := f.cfg.Writer.DeleteFolder(ctx, dir, sub.Name); err != nil {
		return err
	}
	f.applyOwnFolder(ownFolderChange{left: below})
	return nil
}

// subfolder returns the folder that is shown under that name.
func (d *dir) subfolder(ctx context.Context, shown string) (secret.Subfolder, error) {
	_, e, ok, err := d.fs.entry(ctx, d.where(), shown)
	switch {
	case err != nil:
		return secret.Subfolder{}, err
	case !ok:
		return secret.Subfolder{}, secret.ErrNotFound
	case e.Folder == nil:
		return secret.Subfolder{}, errIsNoDir
	}
	return *e.Folder, nil
}

// empty reports whether a folder has nothing of its own, here or on the server.
func (f *FS) empty(snap *secret.Folder) bool {
	if len(snap.Folders) > 0 {
		return false
	}
	for i := range snap.Secrets {
		if snap.Secrets[i].Import == nil {
			return false
		}
	}
	return !f.drafts.create(snap.Dir) && len(f.overlay.Listed(snap.Dir)) == 0
}
