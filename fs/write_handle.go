package fs

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

// writeHandle is a file open for writing, with a text that is sent as a whole: see
// package writeback. Readers see what the server has. All handles of a scratch file
// share the file's text instead.
type writeHandle struct {
	file    *file
	buffer  *writeback.Buffer
	scratch *overlay.File // nil for a secret
	caller  fuse.Caller   // who opened it: RELEASE names nobody
	wrote   atomic.Bool   // to its scratch file

	ahead    bool        // it began with another text than readers have; set by load
	cacheOut atomic.Bool // the page cache is kept out, see keepCacheOut

	under *overlay.Whiteout // it was created while its secret was away; set before anybody knows the handle
	notes xattr.Notes       // about a secret that it creates
}

// newHandle returns a handle for who makes the request: of a scratch file, or with a
// text of its own (nil).
func (n *file) newHandle(ctx context.Context, flags uint32, sc *overlay.File) *writeHandle {
	h := &writeHandle{file: n, scratch: sc, caller: n.fs.callerOf(ctx)}
	cfg := writeback.Config{
		Opener: n.fs.processOf(ctx),
		UID:    h.caller.Uid,
		Append: flags&syscall.O_APPEND != 0,
		Texts:  n.fs.rejected,
		Keep:   n.fs.keepText,
	}
	if sc != nil {
		cfg.Shared = sharedText{sc}
	}
	h.buffer = writeback.New(cfg)
	return h
}

// Read reads the handle's own text.
func (h *writeHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n := 0
	err := h.buffer.With(func(t *textedit.Text) { n = t.ReadAt(dest, off) })
	return fuse.ReadResultData(dest[:n]), errnoOf(err)
}

// Lseek answers for the handle's own text.
func (h *writeHandle) Lseek(_ context.Context, off uint64, whence uint32) (where uint64, errno syscall.Errno) {
	if whence == lseekFill {
		if h.scratch != nil {
			return 0, 0 // all have the same text
		}
		return 0, h.file.fs.mayFill(h)
	}
	if err := h.buffer.With(func(t *textedit.Text) { where, errno = seek(off, whence, t.Len()) }); err != nil {
		return 0, errnoOf(err)
	}
	return where, errno
}

// seek answers for a text of that size: it is data to its end.
func seek(off uint64, whence uint32, size int) (uint64, syscall.Errno) {
	switch {
	case off >= uint64(size):
		return 0, syscall.ENXIO
	case whence == unix.SEEK_DATA:
		return off, 0
	case whence == unix.SEEK_HOLE:
		return uint64(size), 0
	default:
		return 0, syscall.EINVAL
	}
}

// Write changes the text. What cannot be part of a value is refused now, because
// many programs check no close.
func (h *writeHandle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := h.edit(ctx, textedit.Edit{Data: data, Off: off}); errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// truncate is ftruncate(2).
func (h *writeHandle) truncate(ctx context.Context, size uint64) syscall.Errno {
	return h.edit(ctx, textedit.Edit{Off: int64(min(size, math.MaxInt64)), Cut: true})
}

func (h *writeHandle) edit(ctx context.Context, e textedit.Edit) syscall.Errno {
	who := h.file.fs.processOf(ctx)
	if h.scratch != nil {
		return h.editScratch(who, e)
	}
	if h.changes(e) {
		h.keepCacheOut()
	}
	shreds := !textedit.MayBeText(e.Data) && caller.Shreds(threadOf(ctx))
	refused, err := h.buffer.Edit(who, e, shreds)
	dir, name := h.file.where()
	h.file.fs.keep(ctx, dir, name, refused, "no value can have these bytes")
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return errnoOf(err)
}

// changes reports whether the text is another one after an edit. One that leaves it as it is
// takes nothing away from readers: what the kernel makes of it is what they have. Whoever
// changes the text first has kept the page cache out before he does.
func (h *writeHandle) changes(e textedit.Edit) (yes bool) {
	err := h.buffer.With(func(t *textedit.Text) { yes = h.buffer.Place(e, t).Changes(t) })
	return yes || err != nil
}

func (h *writeHandle) editScratch(who caller.Process, e textedit.Edit) syscall.Errno {
	c := h.scratch.Lock()
	defer h.scratch.Unlock()
	e = h.buffer.Place(e, &c.Text)
	size, errno := e.Size(c.Text.Len())
	if errno == 0 && c.Leaving && c.Text.Refuses(e.Data, int(e.Off)) { // a secret by now
		errno = syscall.EILSEQ
	}
	if errno == 0 {
		errno = c.Resize(size)
	}
	if errno == 0 {
		e.Do(&c.Text)
		h.wrote.Store(true)
		c.Wrote(who, h.buffer.Opener())
	}
	if c.Leaving { // its writer has renamed it before closing it
		h.buffer.Edited(who, e, errno)
	}
	return errno
}

// send has the text sent, if there is something to send, and returns the verdict.
func (h *writeHandle) send(ctx context.Context, why writeback.Trigger) error {
	return h.buffer.Send(ctx, why, (*way)(h))
}

// way is how a handle's text gets to the server.
type way writeHandle

// Enter waits for the turn of the folder, wherever a rename takes the secret
// meanwhile.
func (w *way) Enter(ctx context.Context) (leave func(), err error) {
	f := w.file.fs
	for {
		dir, _ := w.file.where()
		leave, err := f.folderQueue.Enter(ctx, dir)
		if err != nil {
			return nil, err
		}
		if now, _ := w.file.where(); now != dir {
			leave()
			continue
		}
		if err := f.carryOutBefore(ctx, (*writeHandle)(w)); err != nil {
			leave()
			return nil, err
		}
		return leave, nil
	}
}

func (w *way) Where() (secret.Dir, string) { return w.file.where() }

func (w *way) Commit(ctx context.Context, c commit.Change) (secret.Secret, error) {
	return w.file.fs.commit(ctx, c)
}

func (w *way) Committed(ctx context.Context, dir secret.Dir, name string, got secret.Secret) {
	w.file.fs.sendNotes(ctx, dir, name, &w.notes, got)
}

func (h *writeHandle) Folder() secret.Dir {
	dir, _ := h.file.where()
	return dir
}

func (h *writeHandle) Revoke() { h.buffer.Revoke() }
