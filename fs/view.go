package fs

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/emit"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

// view returns the view that the directory has under a name, nil if it has none.
// A secret or folder of that name wins, which is for the caller to know.
func (d *dir) view(shown string) View {
	if !d.where().IsFolder() {
		return nil
	}
	return d.fs.cfg.Views[shown]
}

// viewChild returns the node of a view, if there is one of that name, from a
// snapshot that has no secret or folder of it.
func (d *dir) viewChild(ctx context.Context, snap *secret.Folder, shown string, out *fuse.EntryOut) (*fusefs.Inode, error) {
	render := d.view(shown)
	if render == nil {
		return nil, nil
	}
	known := d.GetChild(shown)
	v := d.viewNode(shown)
	if v == nil {
		known, v = nil, d.newView(shown, render)
	}
	if snap.Partial {
		var err error
		if snap, err = v.snapshot(ctx); err != nil {
			return nil, err
		}
	}
	v.attr(snap, &out.Attr)
	left := d.fs.remaining(snap)
	out.SetEntryTimeout(left)
	out.SetAttrTimeout(left)
	if known != nil {
		return known, nil
	}
	return d.NewInode(ctx, v, inode.View(d.StableAttr(), shown)), nil
}

// viewNode returns the node of a view, if there is one.
func (d *dir) viewNode(shown string) *viewFile {
	if v, ok := operations(d.GetChild(shown)).(*viewFile); ok && v.dir == d {
		return v
	}
	return nil
}

func (d *dir) newView(shown string, render View) *viewFile {
	v := &viewFile{node: node{fs: d.fs}, dir: d, name: shown, render: render}
	v.told.Store(sizeUnknown)
	return v
}

// viewFile shows all secrets of a folder in one file. It is found by name and
// not listed unless somebody wants that, because loaders read all that is listed. It is always read with
// direct I/O: an open one is one snapshot to its end.
type viewFile struct {
	node
	dir    *dir
	name   string
	render View
	told   atomic.Int64              // the size that the kernel was told last, or sizeUnknown
	sizes  atomic.Uint64             // how often that has changed
	last   atomic.Pointer[fuse.Attr] // what it was told last of all attributes; nil: nothing by this process
	made   atomic.Bool               // it could be made when it was tried last
}

// try renders the view of snap. If that worked last time and does not now, it is told:
// who reads the view next may be long in coming, and not know why.
func (v *viewFile) try(snap *secret.Folder) (secret.Value, error) {
	text, err := v.render(snap)
	if v.made.Swap(err == nil) && err != nil {
		v.fault(err)
		v.fs.log.Warn("a view can no longer be made", "path", v.path(), "error", err)
	}
	return text, err
}

// fault has the status say so until the end of the mount.
func (v *viewFile) fault(err error) {
	reason := fmt.Sprintf("%s: %v", v.path(), err)
	v.fs.viewError.Store(&reason)
}

// sizeUnknown is no size: it cannot be said which one the kernel believes.
const sizeUnknown = -1

func (v *viewFile) path() string { return path.Join(v.dir.where().String(), v.name) }

// attr describes the view of snap. One that cannot be rendered is there, so that
// opening it can say so.
func (v *viewFile) attr(snap *secret.Folder, out *fuse.Attr) {
	text, err := v.try(snap)
	v.describe(snap, out)
	out.Size = uint64(text.Len())
	if v.told.Swap(int64(text.Len())) != int64(text.Len()) {
		v.sizes.Add(1)
	}
	if err != nil && v.fs.full() {
		out.Size = 1 // with 0 the kernel would not READ, and show an empty file
	}
	told := *out
	v.last.Store(&told)
}

// describe is attr without the size, which would take rendering.
func (v *viewFile) describe(snap *secret.Folder, out *fuse.Attr) {
	out.Nlink = 1
	setRights(out, v.fs.viewRights(snap, v.name))
	v.fs.setDate(newest(snap), out)
}

// lastAttr describes the view as the kernel was told last, for who says nothing new of it.
func (v *viewFile) lastAttr(out *fuse.Attr) {
	if last := v.last.Load(); last != nil {
		*out = *last
	}
}

// keepTold returns a function that says whether the kernel still believes in the size
// that it was told last: not if it was told another meanwhile.
func (v *viewFile) keepTold() (whetherBelieved func()) {
	before := v.sizes.Load()
	return func() {
		if last := v.last.Load(); last == nil || v.sizes.Load() != before || v.told.Load() != int64(last.Size) {
			v.told.Store(sizeUnknown)
		}
	}
}

func (v *viewFile) listed() bool { return slices.Contains(v.fs.cfg.ListedViews, v.name) }

func (v *viewFile) asideName() string { return asideName(v.dir.StableAttr().Ino, v.name) }

// emitPlace is where the view is found by who tells its watchers.
func (v *viewFile) emitPlace() emit.Place[*dir] {
	if v.listed() {
		return emit.Place[*dir]{In: v.dir, Name: v.name}
	}
	return emit.Place[*dir]{In: v.fs.emitter.aside.dir, Name: v.asideName()}
}

// answer answers the thread that tells watchers.
func (v *viewFile) answer(answer emit.Answer, out *fuse.AttrOut) syscall.Errno {
	if answer.What == emit.Subject {
		v.lastAttr(&out.Attr)
		out.Ino = v.StableAttr().Ino
	}
	return errnoOfAnswer(answer)
}

// newest returns the date of the secret that changed last.
func newest(snap *secret.Folder) (t time.Time) {
	for i := range snap.Secrets {
		if s := &snap.Secrets[i]; s.Updated.After(t) {
			t = s.Updated
		}
	}
	return t
}

// snapshot returns the folder with all of its secrets.
func (v *viewFile) snapshot(ctx context.Context) (*secret.Folder, error) {
	snap, _, err := v.fs.find(ctx, v.dir.where(), "", func(snap *secret.Folder) bool { return snap.Denied == nil && !snap.Partial })
	return snap, err
}

func (v *viewFile) Getattr(ctx context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if e := v.fs.eventOf(ctx); e != nil {
		return v.answer(e.GetattrFile(v.emitPlace()), out)
	}
	snap, err := v.snapshot(ctx)
	if err != nil {
		return v.fs.failed("getattr", v.path(), err)
	}
	v.attr(snap, &out.Attr)
	out.SetTimeout(v.fs.remaining(snap))
	return 0
}

// Setattr is refused: there is nothing to write through to.
func (v *viewFile) Setattr(ctx context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if e := v.fs.eventOf(ctx); e != nil {
		return v.answer(e.SetattrFile(v.emitPlace(), setsDate(in)), out)
	}
	return v.refuse("setattr")
}

func (v *viewFile) refuse(op string) syscall.Errno {
	if v.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	return v.fs.failed(op, v.path(), errViewName)
}

// Open renders the view.
func (v *viewFile) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if e := v.fs.eventOf(ctx); e != nil {
		return nil, emitOpen, errnoOfAnswer(e.Open(v.emitPlace(), flags))
	}
	if writesWith(flags) {
		return nil, 0, v.refuse("open")
	}
	if v.fs.full() {
		return nil, 0, syscall.ENOSYS
	}
	h := &viewHandle{view: v}
	err := v.fs.opened.Open(h, func() error {
		text, err := v.rendered(ctx)
		if err == nil {
			h.text.Store(&text)
		}
		return err
	})
	if err != nil {
		return nil, 0, v.fs.failed("open "+v.name, v.path(), err)
	}
	v.fs.opens.Add(1)
	return h, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, 0
}

// rendered returns the view as it is now. If the folder is at fault, the status says so.
func (v *viewFile) rendered(ctx context.Context) (secret.Value, error) {
	snap, err := v.snapshot(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	text, err := v.try(snap)
	if err != nil {
		v.fault(err)
	}
	return text, err
}

// Read reads what a handle has. If the kernel opens files by itself it reads what
// the view is now.
func (v *viewFile) Read(ctx context.Context, fh fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if h, ok := fh.(fusefs.FileReader); ok {
		return h.Read(ctx, dest, off)
	}
	v.fs.reads.Add(1)
	text, err := v.rendered(ctx)
	if err == nil && text.Len() > pagecache.OneRead {
		err = errTooLargeForFull
	}
	if err != nil {
		return nil, v.fs.failed("read "+v.name, v.path(), err)
	}
	return fuse.ReadResultData(dest[:text.CopyAt(dest, off)]), 0
}

func (v *viewFile) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := xattr.Foreign(attr); errno != 0 {
		return 0, errno
	}
	snap, err := v.snapshot(ctx)
	if err != nil {
		return 0, v.fs.failed("getxattr", v.path(), err)
	}
	return xattr.OfView(snap, newest(snap)).Get(attr, dest)
}

func (v *viewFile) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	snap, err := v.snapshot(ctx)
	if err != nil {
		return 0, v.fs.failed("listxattr", v.path(), err)
	}
	return xattr.OfView(snap, newest(snap)).Names(dest)
}

// forgetViews makes the kernel forget the views of a directory: whatever changed
// in it, they may have changed too.
func (f *FS) forgetViews(at *fusefs.Inode) {
	for name := range f.cfg.Views {
		if child := at.GetChild(name); child != nil {
			if _, ok := child.Operations().(*viewFile); ok {
				child.NotifyContent(0, 0)
			}
		}
	}
}

// viewHandle is an open view: the text that it was at open.
type viewHandle struct {
	view *viewFile
	text atomic.Pointer[secret.Value] // nil once revoked or released
}

// Read copies from the text. After a revocation it answers EACCES.
func (h *viewHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	h.view.fs.reads.Add(1)
	text := h.text.Load()
	if text == nil {
		return nil, syscall.EACCES
	}
	return fuse.ReadResultData(dest[:text.CopyAt(dest, off)]), 0
}

func (h *viewHandle) Lseek(_ context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	text := h.text.Load()
	if text == nil {
		return 0, syscall.EACCES
	}
	if asksVersion(whence) {
		p := newPrint(off)
		p.value(*text)
		return p.answer()
	}
	if whence == lseekFill {
		return 0, h.view.fs.mayFill(h)
	}
	return seek(off, whence, text.Len())
}

// Fsync succeeds as on any file that was only read.
func (h *viewHandle) Fsync(context.Context, uint32) syscall.Errno { return 0 }

// Release lets go of the text.
func (h *viewHandle) Release(context.Context) syscall.Errno {
	h.view.fs.opened.Close(h)
	h.Revoke()
	return 0
}

func (h *viewHandle) Folder() secret.Dir { return h.view.dir.where() }

func (h *viewHandle) Revoke() { h.text.Store(nil) }
