package fs

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// The answers to requests that our own emitting thread causes. While it waits for
// one it holds locks of the kernel on the directory and cannot be interrupted.
// So the answers come from the event itself: no lock that can wait, no Source.
// The kernel is to remember none of them, since it asks again at once.

// errUnforeseen answers what no event asks for. Going on as for others could
// wait, or change something on the server.
const errUnforeseen = syscall.EIO

// eventOf returns the event that the request belongs to, nil for everybody
// else's. Thread 0 is nobody: it stands for whom our pid namespace does not know.
func (f *FS) eventOf(ctx context.Context) *event {
	p := f.emitter.now.Load()
	if p == nil {
		return nil
	}
	if caller := callerOf(ctx).Pid; caller == 0 || caller != p.thread {
		return nil
	}
	return p
}

// concerns reports whether the name in d is the one that the event is about.
func (p *event) concerns(d *dir, name string) bool { return d == p.parent() && name == p.shown }

// lookup leads the thread to the directory, and there shows it what was before:
// a name that vanished is still to be removed, one that appeared to be created.
func (p *event) lookup(ctx context.Context, d *dir, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	for i, next := range p.way[1:] {
		if p.way[i].dir == d && next.name == name {
			p.passing(next.dir, &out.Attr)
			return next.dir.EmbeddedInode(), 0
		}
	}
	switch {
	case p.kind == swapped:
		return p.lookupSwap(ctx, d, name, out)
	case !p.concerns(d, name):
		return nil, errUnforeseen
	case p.kind == appeared:
		out.SetEntryTimeout(1) // not zero: then go-fuse would set its own
		return nil, syscall.ENOENT
	}
	return p.child(ctx, out), 0
}

// child returns the node of what the event is about.
func (p *event) child(ctx context.Context, out *fuse.EntryOut) *fusefs.Inode {
	d := p.parent()
	if p.folder {
		out.Attr = p.attr
		return d.folderInode(ctx, p.name)
	}
	if p.link != "" {
		return d.secretLink(ctx, p.shown, out)
	}
	child := d.secretInode(ctx, p.shown, p.name)
	child.Operations().(*file).attr(p.secret, &out.Attr)
	return child
}

// passing describes a directory that the thread passes through: the kernel looks
// at its owner and mode.
func (p *event) passing(d *dir, out *fuse.Attr) {
	d.fs.dirAttr(time.Time{}, out)
	out.Ino = d.StableAttr().Ino
}

func (p *event) getattrDir(d *dir, out *fuse.AttrOut) syscall.Errno {
	for _, step := range p.way {
		if step.dir == d {
			p.passing(d, &out.Attr)
			return 0
		}
	}
	if at := d.at.Load(); p.folder && at.is(p.parent(), p.name) {
		out.Attr = p.attr
		out.Ino = d.StableAttr().Ino
		return 0
	}
	return errUnforeseen
}

func (p *event) getattrFile(n *file, out *fuse.AttrOut) syscall.Errno {
	if !p.isFile(n) {
		return errUnforeseen
	}
	n.attr(p.secret, &out.Attr) // those that the kernel has pages with, if there are some
	out.Ino = n.StableAttr().Ino
	return 0
}

func (p *event) isFile(n *file) bool {
	return !p.folder && n.asScratch() == nil && n.location().is(p.parent(), p.name)
}

// setsDates reports whether in sets the dates that out has, to the nanosecond,
// and nothing else: whoever does so changes nothing.
func setsDates(in *fuse.SetAttrIn, out *fuse.Attr) bool {
	const dates = fuse.FATTR_ATIME | fuse.FATTR_MTIME
	if in.Valid&dates == 0 || in.Valid&^(dates|fuse.FATTR_FH|fuse.FATTR_LOCKOWNER) != 0 {
		return false
	}
	return (in.Valid&fuse.FATTR_MTIME == 0 || in.Mtime == out.Mtime && in.Mtimensec == out.Mtimensec) &&
		(in.Valid&fuse.FATTR_ATIME == 0 || in.Atime == out.Atime && in.Atimensec == out.Atimensec)
}

func (p *event) setattrFile(n *file, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if !setsDates(in, &p.attr) {
		return errUnforeseen
	}
	return p.getattrFile(n, out)
}

func (p *event) setattrDir(d *dir, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if d != p.parent() {
		return errUnforeseen
	}
	p.passing(d, &out.Attr)
	if !setsDates(in, &out.Attr) {
		return errUnforeseen
	}
	return 0
}

// emitOpen leaves the pages that others have read as they are. There is no handle:
// nobody reads or writes.
const emitOpen = fuse.FOPEN_DIRECT_IO | fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH

func (p *event) open(n *file, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if !p.isFile(n) || p.kind != changed || flags&syscall.O_ACCMODE != syscall.O_WRONLY || flags&syscall.O_TRUNC != 0 {
		return nil, 0, errUnforeseen
	}
	return nil, emitOpen, 0
}

func (p *event) create(ctx context.Context, d *dir, name string, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	if !p.concerns(d, name) || p.kind != appeared || p.folder || p.link != "" {
		return nil, nil, 0, errUnforeseen
	}
	return p.child(ctx, out), nil, emitOpen, 0
}

func (p *event) mkdir(ctx context.Context, d *dir, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if !p.concerns(d, name) || p.kind != appeared || !p.folder {
		return nil, errUnforeseen
	}
	return p.child(ctx, out), 0
}

func (p *event) remove(d *dir, name string, folder bool) syscall.Errno {
	if !p.concerns(d, name) || p.kind != vanished || p.folder != folder {
		return errUnforeseen
	}
	return 0
}
