package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/secret"
)

var _ fusefs.NodeRenamer = (*dir)(nil)

const renameNoReplace = 1 // RENAME_NOREPLACE of renameat2(2), the one flag that is known here

// Rename is one of five things: scratch files rename here, a scratch file that
// becomes a secret is sent, a secret that becomes a scratch file is covered, a
// secret gets another name or folder, a folder another name.
func (d *dir) Rename(ctx context.Context, name string, newParent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if p := d.fs.pokedBy(ctx); p != nil {
		return p.rename(d, name, newParent, newName, flags)
	}
	to, ok := newParent.(*dir)
	switch {
	case d.fs.cfg.Writer == nil:
		return syscall.EROFS
	case flags&^renameNoReplace != 0:
		return syscall.EINVAL
	case !ok:
		return d.fs.failed("rename", d.pathOf(name), errControl)
	}
	ctx, stop := d.fs.patient(ctx)
	defer stop()
	r := &renaming{FS: d.fs, from: d, name: name, to: to, newName: newName, keep: flags&renameNoReplace != 0}
	if err := r.run(ctx); err != nil {
		return d.fs.failed("rename", d.pathOf(name)+" to "+to.pathOf(newName), err)
	}
	return 0
}

// renaming is one rename.
type renaming struct {
	*FS
	from, to      *dir
	name, newName string // file names
	keep          bool   // nothing may be replaced

	snap   *secret.Folder // of to, found by run
	target entry          // what is there under the new name
}

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
	r.settleBoth(ctx)
	leave, err := r.folderQueue.Enter(ctx, r.from.where(), r.to.where())
	if err != nil {
		return err
	}
	defer leave()
	r.snap, r.target, _, err = r.entry(ctx, r.to.where(), r.newName)
	if err != nil {
		return err
	}
	snap := r.snap
	there := r.target != (entry{}) && !r.covers(r.target) || r.overlay.scratch(snap.Dir, r.newName) != nil
	if there && r.keep {
		return secret.ErrExists
	}
	if sc := r.overlay.scratch(r.from.where(), r.name); sc != nil {
		if r.renamesToScratch(snap, r.newName) {
			r.overlay.moveScratch(r.from.where(), r.name, r.to.where(), r.newName)
			return nil
		}
		return r.promote(ctx, snap, sc)
	}
	fromSnap, e, err := r.source(ctx)
	switch {
	case err != nil:
		return err
	case e.folder != nil:
		return r.renameFolder(ctx, e.folder.Name)
	case r.renamesToScratch(snap, r.newName):
		return r.whiteOut(ctx, fromSnap, e.secret)
	}
	newName, err := r.FS.newName(snap, r.newName)
	if err != nil {
		return err
	}
	if r.target.folder != nil {
		return errIsDir
	}
	return r.renameSecret(ctx, e.secret, newName)
}

// settleBoth waits for what was closed a moment ago under one of the names.
func (r *renaming) settleBoth(ctx context.Context) {
	if name, ok := DecodeName(r.name); ok {
		r.settle(ctx, r.from.where(), name)
	}
	if name, ok := DecodeName(r.newName); ok {
		r.settle(ctx, r.to.where(), name)
	}
}

// covers reports whether e is a secret that is away under a scratch name.
func (r *renaming) covers(e entry) bool {
	return e.secret != nil && r.overlay.whiteout(r.to.where(), e.secret.Name) != nil
}

// source returns what is renamed. A secret that was closed a moment ago may
// still be on its way.
func (r *renaming) source(ctx context.Context) (snap *secret.Folder, e entry, err error) {
	dir := r.from.where()
	snap, e, ok, err := r.entry(ctx, dir, r.name)
	if err != nil {
		return nil, e, err
	}
	if !ok || e.secret != nil && r.overlay.whiteout(dir, e.secret.Name) != nil {
		if name, err := nameOf(snap, r.name); err == nil && r.overlay.beingCreated(dir, name) {
			return nil, e, errOpen
		}
		if r.from.view(r.name) != nil {
			return nil, e, errViewName
		}
		return nil, e, secret.ErrNotFound
	}
	return snap, e, nil
}
