package fs

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/emit"
)

// The answers to requests of the thread that emits inotify events, as nodes and
// attributes. Package emit decides what they are; nothing is asked for them, and no
// lock is taken that can wait.

// errUnforeseen answers what no event asks for.
const errUnforeseen = syscall.EIO

// emitOpen leaves the pages that others have read as they are. There is no handle:
// nobody reads or writes.
const emitOpen = fuse.FOPEN_DIRECT_IO | fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH

// emitted is an event that is being emitted.
type emitted struct{ *emit.Attempt[*dir] }

// eventOf returns the event that the request belongs to, nil for everybody else's.
func (f *FS) eventOf(ctx context.Context) *emitted {
	if a := f.emitter.Answering(threadOf(ctx)); a != nil {
		return &emitted{a}
	}
	return nil
}

// errnoOfAnswer is what there is to say without a node.
func errnoOfAnswer(answer emit.Answer) syscall.Errno {
	switch answer.What {
	case emit.Unforeseen:
		return errUnforeseen
	case emit.Absent:
		return syscall.ENOENT
	}
	return 0
}

// inode answers with the node that an answer is about. d has the name that was asked for.
func (e *emitted) inode(ctx context.Context, d *dir, answer emit.Answer, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	switch answer.What {
	case emit.Passing:
		next := e.Way[answer.Step].Dir
		next.passingAttr(&out.Attr)
		return next.EmbeddedInode(), 0
	case emit.Subject:
		return e.subject(ctx, d, out), 0
	case emit.SwapLink:
		out.SetEntryTimeout(1) // not zero: then go-fuse would set its own
		return d.dataLink(ctx, answer.Identity, &out.Attr), 0
	case emit.Generation:
		return e.generation(d, out)
	}
	out.SetEntryTimeout(1)
	return nil, errnoOfAnswer(answer)
}

// generation returns the node of the generation that has ended, which the kernel knows.
func (e *emitted) generation(d *dir, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	child := d.GetChild(e.Shown)
	if child == nil || !child.IsDir() {
		return nil, syscall.ENOENT
	}
	d.passingAttr(&out.Attr)
	out.Ino = child.StableAttr().Ino
	out.SetEntryTimeout(1)
	return child, 0
}

// subject returns the node of what the event is about, which d has.
func (e *emitted) subject(ctx context.Context, d *dir, out *fuse.EntryOut) *fusefs.Inode {
	switch {
	case e.View:
		return tellNothing(d.fs.emitter.aside.viewIn(d, e.Shown), out)
	case e.Folder:
		d.fs.dirAttr(e.Date, &out.Attr)
		return d.folderInode(ctx, e.Name)
	case e.Link != "":
		out.SetEntryTimeout(1)
		return d.secretLink(ctx, e.Shown, out)
	}
	child := d.secretInode(ctx, e.Shown, e.Name)
	child.Operations().(*file).attr(e.Secret, &out.Attr)
	return child
}

// passingAttr describes a directory that the thread passes through: the kernel looks
// at its owner and mode.
func (d *dir) passingAttr(out *fuse.Attr) {
	d.fs.dirAttr(time.Time{}, out)
	out.Ino = d.StableAttr().Ino
}

// place is where a node lies that is not the root.
func (l *location) place() emit.Place[*dir] {
	if l == nil {
		return emit.Place[*dir]{}
	}
	return emit.Place[*dir]{In: l.parent, Name: l.name}
}

// emitPlace is where the file lies; nowhere if it is only here.
func (n *file) emitPlace() emit.Place[*dir] {
	if n.asScratch() != nil {
		return emit.Place[*dir]{}
	}
	return n.location().place()
}

func (e *emitted) lookup(ctx context.Context, d *dir, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return e.inode(ctx, d, e.Lookup(d, name), out)
}

func (e *emitted) getattrDir(d *dir, out *fuse.AttrOut) syscall.Errno {
	return e.dirAttr(d, e.GetattrDir(d, d.at.Load().place()), out)
}

func (e *emitted) setattrDir(d *dir, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return e.dirAttr(d, e.SetattrDir(d, setsDate(in)), out)
}

func (e *emitted) dirAttr(d *dir, answer emit.Answer, out *fuse.AttrOut) syscall.Errno {
	switch answer.What {
	case emit.Passing:
		d.passingAttr(&out.Attr)
	case emit.Subject:
		d.fs.dirAttr(e.Date, &out.Attr)
		out.Ino = d.StableAttr().Ino
	}
	return errnoOfAnswer(answer)
}

func (e *emitted) getattrFile(n *file, out *fuse.AttrOut) syscall.Errno {
	return e.fileAttr(n, e.GetattrFile(n.emitPlace()), out)
}

func (e *emitted) setattrFile(n *file, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return e.fileAttr(n, e.SetattrFile(n.emitPlace(), setsDate(in)), out)
}

func (e *emitted) fileAttr(n *file, answer emit.Answer, out *fuse.AttrOut) syscall.Errno {
	if answer.What == emit.Subject {
		n.attr(e.Secret, &out.Attr) // those that the kernel has pages with, if there are some
		out.Ino = n.StableAttr().Ino
	}
	return errnoOfAnswer(answer)
}

func (e *emitted) open(n *file, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if errno := errnoOfAnswer(e.Open(n.emitPlace(), flags)); errno != 0 {
		return nil, 0, errno
	}
	return nil, emitOpen, 0
}

func (e *emitted) create(ctx context.Context, d *dir, name string, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	child, errno := e.inode(ctx, d, e.Create(d, name), out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return child, nil, emitOpen, 0
}

func (e *emitted) mkdir(ctx context.Context, d *dir, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return e.inode(ctx, d, e.Mkdir(d, name), out)
}

func (e *emitted) symlink(ctx context.Context, d *dir, name, target string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return e.inode(ctx, d, e.Symlink(d, name, target), out)
}

func (e *emitted) remove(d *dir, name string, folder bool) syscall.Errno {
	return errnoOfAnswer(e.Remove(d, name, folder))
}

func (e *emitted) rename(d *dir, name string, to fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	target, _ := to.(*dir)
	return errnoOfAnswer(e.Rename(d, name, target, newName, flags))
}

// setsDate returns a function that reports whether in sets a date, to the nanosecond,
// and nothing else.
func setsDate(in *fuse.SetAttrIn) func(time.Time) bool {
	return func(date time.Time) bool {
		var attr fuse.Attr
		attr.SetTimes(&date, &date, nil)
		return setsDates(in, &attr)
	}
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
