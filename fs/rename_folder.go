package fs

import (
	"context"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

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
	r.writes.sent.Add(1)
	// The name was free on the server: what is here of a folder that was called so is
	// of one that is gone.
	r.dropOverlay(dir.Child(newName).Contains, func(sc *scratchFile, at named) { r.keepFile(sc, at, "its folder was removed by somebody else") })
	r.overlay.moveFolder(dir.Child(name), dir.Child(newName))
	r.from.relocate(r.name, name, r.to, newName)
	return nil
}
