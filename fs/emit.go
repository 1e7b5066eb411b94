package fs

import (
	"context"
	"slices"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/controldir"
	"infisicalfs/fs/internal/diff"
	"infisicalfs/fs/internal/emit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/ownchanges"
	"infisicalfs/secret"
)

// Notify says how watchers (inotify) are told of changes that others made: see
// package emit.
type Notify = emit.Mode

const (
	NotifyFull   = emit.Full   // as if somebody here had written, created, removed
	NotifyAttrib = emit.Attrib // by setting dates only, which the owner of a file may do whatever its mode is
	NotifyOff    = emit.Off
)

// EmitThread calls do on the thread that emits inotify events, with a descriptor of
// the mount's root, which is the EmitThread's to close, and returns when do has. One
// do runs at a time. It makes system calls only: the thread may have a descriptor
// table of its own, in which nothing else of the process is open.
type EmitThread = emit.Thread

// NotifyCounts say how watchers are told of changes that others made.
type NotifyCounts = emit.Counts

// emitter emits inotify events.
type emitter struct {
	*emit.Emitter[*dir]
	aside *aside // those of views
}

func (f *FS) newEmitter() emitter {
	c := &f.cfg
	return emitter{emit.New(emit.Config{
		Mode: c.Notify, Thread: c.EmitThread,
		UID: c.UID, OwnerUID: c.OwnerUID, FileMode: c.FileMode, DirMode: c.DirMode, DirDate: c.MountTime,
		Probe: controldir.Name + "-", Log: f.log,
	}, emitTree{f}), f.newAside()}
}

// emit has watchers told of changes in the directory, which the kernel has been told
// to forget. It may take as long as a lookup does.
func (d *dir) emit(list []emit.Event) {
	if len(list) > 0 {
		d.fs.emitter.Emit(d.way(), list)
	}
}

// way returns the directories from the root to d.
func (d *dir) way() (way emit.Way[*dir]) {
	for !d.isRoot() {
		at := d.at.Load()
		way = append(way, emit.Step[*dir]{Name: filename.Encode(at.name), Dir: d})
		d = at.parent
	}
	way = append(way, emit.Step[*dir]{Dir: d})
	slices.Reverse(way)
	return way
}

// emitTree is the file system as the emitter sees it.
type emitTree struct{ *FS }

// Wanted is false for who has changed something here, and so has made the events
// himself, and where something that is only here covers what the server has.
func (t emitTree) Wanted(e *emit.Event) bool {
	if e.View {
		return true // whoever has made the change has made the events of a secret
	}
	is := lostupdate.Base{}
	if e.Secret != nil {
		is = lostupdate.BaseOf(e.Secret)
	}
	return !t.own.Explains(ownchanges.Place{Dir: e.Dir, Name: e.Name, Folder: e.Folder}, e.Kind == emit.Vanished, is) &&
		t.overlay.Find(e.Dir, e.Shown) == nil &&
		(e.Folder || t.overlay.Whiteout(e.Dir, e.Name) == nil)
}

func (t emitTree) Occupied(e *emit.Event) bool { return t.occupied(e.Dir.Child(e.Name)) }

func (t emitTree) KeepCacheOut(d *dir, shown string) (letIn func()) {
	if v := t.emitter.aside.viewIn(d, shown); v != nil {
		return keepViewOut(v)
	}
	known := d.GetChild(shown)
	if n, ok := operations(known).(*file); ok {
		n.pages.Writing()
		return func() { forgetAttr(known) }
	}
	return func() {
		if made := d.GetChild(shown); made != nil {
			forgetAttr(made)
		}
	}
}

func (t emitTree) Forget(d *dir, shown string) { d.NotifyEntry(shown) }

// eventsFor returns what watchers are to be told of what differs between two
// snapshots.
func (f *FS) eventsFor(change secret.Change, differences []diff.Difference) []emit.Event {
	if !f.emitter.Tells() {
		return nil
	}
	links := f.cfg.Links && change.New.Dir.IsFolder()
	list := emit.Events(change.Old, change.New, differences, change.Gone, links)
	for i := range list {
		e := &list[i]
		var attr fuse.Attr
		if e.Folder {
			f.dirAttr(e.Date, &attr)
		} else {
			f.secretAttr(e.Dir, e.Name, e.Secret, &attr)
		}
		e.Mode, e.Date = attr.Mode, attr.ModTime()
		if links && !e.Folder {
			e.Link = generation.Target(e.Shown)
		}
	}
	return list
}

// swapEvent tells that ..data of d leads to the generation of that name.
func (d *dir) swapEvent(name string) []emit.Event {
	if !d.fs.emitter.Tells() {
		return nil
	}
	return []emit.Event{{Kind: emit.Swapped, Dir: d.where(), Shown: generation.Data, Link: name}}
}

// endEvent tells that the generation, of which the kernel knows these files, is
// no longer current.
func (d *dir) endEvent(g *generation.Generation, files []string) []emit.Event {
	if !d.fs.emitter.Tells() || len(files) == 0 {
		return nil
	}
	return []emit.Event{{Kind: emit.Ended, Dir: d.where(), Shown: g.Name, Date: g.Made, Files: files}}
}

// probed reports whether a name that is looked up in the root is that by which the
// emitting thread is known.
func (f *FS) probed(ctx context.Context, name string) bool {
	return f.emitter.Probed(threadOf(ctx), name)
}
