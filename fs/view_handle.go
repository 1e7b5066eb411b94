package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// viewHandle is an open view: the text that it was at open.
type viewHandle struct {
	view *viewFile
	text atomic.Pointer[secret.Value] // nil once revoked or released
}

var (
	_ fusefs.FileReader   = (*viewHandle)(nil)
	_ fusefs.FileLseeker  = (*viewHandle)(nil)
	_ fusefs.FileFsyncer  = (*viewHandle)(nil)
	_ fusefs.FileReleaser = (*viewHandle)(nil)
)

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

// hides reports whether change hides a value that a view of the folder may have
// in it.
func hides(change secret.Change) bool {
	for s := range concerned(change) {
		if !s.Denied() {
			continue
		}
		if change.Old == nil {
			return true
		}
		if before, ok := change.Old.Secret(s.Name); !ok || !before.Denied() {
			return true
		}
	}
	return false
}
