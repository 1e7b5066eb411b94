package fs

import (
	"context"
	"path"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

const renameNoReplace = 1 // RENAME_NOREPLACE of renameat2(2), the one flag that is known here

// Rename is one of five things: scratch files rename here, a scratch file that
// becomes a secret is sent, a secret that gets the name of a backup is covered, a
// secret gets another name or folder, a folder another name.
func (d *dir) Rename(ctx context.Context, name string, newParent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.rename(d, name, newParent, newName, flags)
	}
	return d.fs.rename(ctx, d, name, newParent, newName, flags)
}

func (f *FS) rename(ctx context.Context, from place, name string, newParent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	to, ok := newParent.(place)
	what := path.Join(from.where().String(), name)
	switch {
	case f.cfg.Writer == nil:
		return syscall.EROFS
	case flags&^renameNoReplace != 0:
		return syscall.EINVAL
	case !ok:
		return f.failed("rename", what, errControl)
	}
	ctx, stop := f.killable(ctx)
	defer stop()
	r := &renaming{FS: f, from: from.folder(), at: from.where(), name: name, to: to.folder(), newName: newName, keep: flags&renameNoReplace != 0}
	err := error(nil)
	if r.to == to {
		err = r.run(ctx)
	} else {
		err = r.intoScratch(ctx, to)
	}
	if err != nil {
		return f.failed("rename", what+" to "+path.Join(to.where().String(), newName), err)
	}
	return 0
}

// intoScratch moves a scratch file into a scratch directory. A secret does not go
// there: programs copy it then, and delete the original.
func (r *renaming) intoScratch(ctx context.Context, to place) error {
	leave, err := r.folderQueue.Enter(ctx, r.from.where())
	if err != nil {
		return err
	}
	defer leave()
	sc := r.overlay.Find(r.at, r.name)
	switch {
	case sc == nil || !r.overlay.StaysHere(sc) && !r.overlay.IsDoubtful(sc):
		return errOtherProject
	case r.keep && r.overlay.Find(to.where(), r.newName) != nil:
		return secret.ErrExists
	}
	if _, ok := r.overlay.Dir(to.where(), r.newName); ok {
		return errIsDir
	}
	r.overlay.Move(sc, overlay.Collected, to.where(), r.newName)
	return nil
}

// renaming is one rename.
type renaming struct {
	*FS
	from, to      *dir
	at            secret.Dir // where from's part of the overlay is: from, or a scratch directory in it
	name, newName string     // file names
	keep          bool       // nothing may be replaced

	snap   *secret.Folder // of to, found by findTarget
	target filename.Entry // what is there under the new name
}

// run carries the rename out.
func (r *renaming) run(ctx context.Context) error {
	if r.from.shadows(r.name) {
		return errControl
	}
	if !r.from.where().IsFolder() {
		return errNotHere
	}
	if err := r.to.newEntry(r.newName); err != nil {
		return err
	}
	r.awaitReleases(ctx)
	leave, err := r.folderQueue.Enter(ctx, r.from.where(), r.to.where())
	if err != nil {
		return err
	}
	defer leave()
	if err := r.findTarget(ctx); err != nil {
		return err
	}
	if _, isDir := r.overlay.Dir(r.to.where(), r.newName); isDir {
		return errIsDir
	}
	if r.keep && (r.taken() || r.overlay.Find(r.to.where(), r.newName) != nil) {
		return secret.ErrExists
	}
	if err := r.clearTarget(ctx); err != nil {
		return err
	}
	if sc := r.overlay.Find(r.at, r.name); sc != nil {
		if done, err := r.renameScratch(ctx, sc); done || err != nil {
			return err
		}
		// It has become the secret that it covered.
		if err := r.findTarget(ctx); err != nil {
			return err
		}
	}
	if _, isDir := r.overlay.Dir(r.at, r.name); isDir {
		return errOtherProject // programs copy it then
	}
	if r.at != r.from.where() {
		return secret.ErrNotFound
	}
	return r.onServer(ctx)
}

// findTarget finds what has the new name.
func (r *renaming) findTarget(ctx context.Context) (err error) {
	r.snap, r.target, _, err = r.entry(ctx, r.to.where(), r.newName)
	return err
}

// onServer renames what the server has under the old name.
func (r *renaming) onServer(ctx context.Context) error {
	fromSnap, e, err := r.source(ctx)
	switch {
	case err != nil:
		return err
	case e.Folder != nil:
		return r.renameFolder(ctx, e.Folder.Name)
	case r.from == r.to && !r.taken() && r.names.Backup(r.name, r.newName) && r.mayStay():
		if covered, err := r.whiteOut(ctx, fromSnap, e.Secret); covered || err != nil {
			return err
		}
	}
	newName, err := r.FS.newName(r.snap, r.newName)
	if err != nil {
		return err
	}
	if r.target.Folder != nil {
		return errIsDir
	}
	if err := r.renameSecret(ctx, e.Secret, newName); err != nil {
		return err
	}
	r.overlay.Unlink(r.to.where(), r.newName)
	return nil
}

// mayStay reports whether the rename to a backup's name can be carried out, as
// far as the name goes, or is a program's: a temporary.
func (r *renaming) mayStay() bool {
	_, ok := filename.Decode(r.newName)
	return ok || r.names.Temporary(r.newName, noSiblings)
}

// taken reports whether the server has something under the new name that is not
// away.
func (r *renaming) taken() bool { return r.target != (filename.Entry{}) && !r.covers(r.target) }

// clearTarget carries out what somebody else's rename began, where this one is
// about to take the place of it: of the backup, or of the secret that is away.
func (r *renaming) clearTarget(ctx context.Context) error {
	dir := r.to.where()
	var pending *overlay.Whiteout
	if sc := r.overlay.Find(dir, r.newName); sc != nil {
		pending = r.overlay.Covering(sc)
	}
	if s := r.target.Secret; pending == nil && s != nil {
		if w := r.overlay.Whiteout(dir, s.Name); w != nil && !w.MayWrite(r.processOf(ctx)) {
			pending = w
		}
	}
	if pending == nil || r.drafts.writeAnew(pending, dir) || pending.File == r.overlay.Find(r.at, r.name) {
		return nil
	}
	if err := r.sendRename(ctx, pending, r.overlay.Where(pending.File).Name); err != nil && mayWorkLater(err) {
		return err
	}
	var err error
	r.snap, r.target, _, err = r.entry(ctx, dir, r.newName)
	return err
}

// awaitReleases waits for what was closed a moment ago under one of the names.
func (r *renaming) awaitReleases(ctx context.Context) {
	if name, ok := filename.Decode(r.name); ok {
		r.awaitRelease(ctx, r.from.where(), name, nil)
	}
	if name, ok := filename.Decode(r.newName); ok {
		r.awaitRelease(ctx, r.to.where(), name, nil)
	}
}

// covers reports whether e is a secret that is away under a scratch name.
func (r *renaming) covers(e filename.Entry) bool {
	return e.Secret != nil && r.overlay.Whiteout(r.to.where(), e.Secret.Name) != nil
}

// source returns what is renamed. A secret that was closed a moment ago may
// still be on its way.
func (r *renaming) source(ctx context.Context) (snap *secret.Folder, e filename.Entry, err error) {
	dir := r.from.where()
	snap, e, ok, err := r.entry(ctx, dir, r.name)
	if err != nil {
		return nil, e, err
	}
	if !ok || e.Secret != nil && r.overlay.Whiteout(dir, e.Secret.Name) != nil {
		if name, err := filename.Key(snap, r.name); err == nil && r.drafts.beingCreated(dir, name) {
			return nil, e, errOpen
		}
		if r.from.view(r.name) != nil {
			return nil, e, errViewName
		}
		return nil, e, secret.ErrNotFound
	}
	return snap, e, nil
}

// renameFolder gives a folder another name beside its old one; servers have no
// other way. It replaces nothing: that would take two steps, and between them
// there would be no folder of that name.
func (r *renaming) renameFolder(ctx context.Context, name string) error {
	dir := r.from.where()
	newName, ok := filename.Decode(r.newName)
	switch {
	case r.from != r.to:
		return errOtherProject
	case !ok:
		return filename.ErrNone
	case r.target.Folder != nil:
		return secret.ErrExists
	case r.target.Secret != nil && r.target.Secret.Name == newName:
		return errIsNoDir
	}
	if err := filename.Valid(newName); err != nil {
		return err
	}
	if err := r.cfg.Refuses(dir, newName, true); err != nil {
		return err
	}
	if err := r.cfg.Writer.RenameFolder(ctx, dir, name, newName); err != nil {
		return err
	}
	r.applyOwnFolder(ownFolderChange{dir.Child(newName), dir.Child(name), &movedNode{r.from, r.to, r.name}})
	return nil
}
