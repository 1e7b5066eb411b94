package fs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/emit"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/secret"
)

// emitViews has the watchers of the directory's views told that these show something else.
// It is decided without rendering them: one that cannot be rendered now, or could not
// before, is another one as well. Of views that the kernel does not know nobody is told.
func (d *dir) emitViews() {
	f := d.fs
	if !f.emitter.Tells() {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(f.cfg.Views)) {
		v := d.heldView(name)
		if v == nil {
			continue
		}
		v.tell()
		v.NotifyContent(Prune, 0) // so that nobody is told of it again who does not use it
	}
}

// tell has who watches the view told of a change.
func (v *viewFile) tell() {
	f, place := v.fs, v.emitPlace()
	e := emit.Event{Kind: emit.Changed, Dir: v.dir.where(), Shown: place.Name, Name: place.Name, View: true}
	if last := v.last.Load(); last != nil {
		e.Mode, e.Date = last.Mode, last.ModTime()
	}
	if v.listed() {
		f.emitter.Emit(v.dir.way(), []emit.Event{e})
		return
	}
	f.emitter.aside.show(e.Shown, v, func() { f.emitter.Emit(f.emitter.aside.way(), []emit.Event{e}) })
}

// heldView returns the view of that name that the kernel knows, be it from a process before
// this one; nil if it knows none.
func (d *dir) heldView(name string) *viewFile {
	if d.GetChild(name) != nil {
		return d.viewNode(name)
	}
	id := inode.View(d.StableAttr(), name)
	render := d.view(name)
	if render == nil || !d.fs.inherited(id) {
		return nil
	}
	v, known := d.newView(name, render), fuse.Attr{}
	ctx, cancel := context.WithTimeout(secret.Background(d.fs.life), time.Second)
	defer cancel()
	snap, err := v.snapshot(ctx)
	if err != nil {
		return nil // what was shown is not known to have changed
	}
	v.describe(snap, &known)
	v.last.Store(&known)
	node := d.NewInode(ctx, v, id)
	d.AddChild(name, node, false)
	return d.viewNode(name)
}
