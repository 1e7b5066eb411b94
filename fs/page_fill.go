package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/openfiles"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/secret"
)

// A READ fills a page of the kernel's cache, or it is direct: then the kernel names the
// caller's lock owner. Pages belong to the inode, and whoever has the file open may be shown
// them without a question. Those who have opened it with the page cache are the ones
// whose version the pages are of. But a private mapping, sendfile(2), splice(2) and
// copy_file_range(2) have pages filled also of a file that was opened with direct I/O. That is
// allowed only while nobody has other bytes of the file open, and the kernel ends the file where
// they end: its size belongs to the inode, too. Else EINVAL has programs read instead of
// sending, and who looks at the mapping gets SIGBUS.

// lseekFill in place of SEEK_DATA asks whether a handle may fill pages; the kernel sends no
// such number. The answer no is errFill.
const lseekFill uint32 = 1<<16 + 2

// errFill is no other answer of Lseek.
const errFill = syscall.EXDEV

// FillsPage reports whether a READ is for the page cache.
func FillsPage(in *fuse.ReadIn) bool { return in.ReadFlags&fuse.READ_LOCKOWNER == 0 }

// shower is an open file with a text that can be compared with what others have open of
// the same node.
type shower interface {
	openfiles.File
	of() any              // the node
	shows() (shown, bool) // false: nothing any more
}

// shown is what an open file has. Fits says that the kernel ends it where it ends.
type shown struct {
	text secret.Value
	fits bool
}

// mayFill answers lseekFill for an open file whose pages are of no certain version.
func (f *FS) mayFill(h shower) syscall.Errno {
	its, ok := h.shows()
	if !ok {
		return 0 // the READ says why
	}
	if !its.fits {
		return errFill
	}
	var others []shower
	f.opened.Each(func(open openfiles.File) bool {
		if other, ok := open.(shower); ok && open != openfiles.File(h) && other.of() == h.of() {
			others = append(others, other)
		}
		return true
	})
	for _, other := range others {
		// What was revoked may be shown nothing, and the kernel would show pages.
		if theirs, ok := other.shows(); !ok || !theirs.text.Equal(its.text) {
			return errFill
		}
	}
	return 0
}

func (h *handle) of() any      { return h.file }
func (h *viewHandle) of() any  { return h.view }
func (h *writeHandle) of() any { return h.file }

func (h *handle) shows() (shown, bool) {
	s := h.secret.Load()
	if s == nil {
		return shown{}, false
	}
	return shown{s.Value, s.Value.Len() == h.file.pages.Told()}, true
}

func (h *viewHandle) shows() (shown, bool) {
	text := h.text.Load()
	if text == nil {
		return shown{}, false
	}
	return shown{*text, int64(text.Len()) == h.view.told.Load()}, true
}

// The kernel counts by itself how long a file is that somebody writes.
func (h *writeHandle) shows() (its shown, ok bool) {
	err := h.buffer.With(func(t *textedit.Text) { its = shown{t.Value(), true} })
	return its, err == nil
}
