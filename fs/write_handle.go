package fs

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

// change is what of a handle's text the server does not have.
type change uint8

const (
	nothing change = iota
	opened         // created or emptied by opening: sent when the file is let go
	written        // written or cut to a length: sent when its owner closes it
)

// writeHandle is a file open for writing: a text of its own, which is sent as a
// whole. Readers see what the server has. All handles of a scratch file share
// the file's text instead.
//
// Its changes are counted, and what is known about sending (a failure, a
// verdict) is known about the text as it was after so many changes: several
// threads write, close copies and fsync at the same time, and none of them may
// be told about another text than the one that it has seen.
type writeHandle struct {
	file    *file
	scratch *scratchFile // nil for a secret
	opener  caller.Process
	caller  fuse.Caller // who opened it: RELEASE names nobody
	append  bool
	wrote   atomic.Bool // to its scratch file

	under    *whiteout     // it was created while its secret was away; set before anybody knows the handle
	turn     chan struct{} // full while the text is sent
	released chan struct{} // closed when the last of the handle is done
	revoked  atomic.Bool
	notes    xattr.Notes // about a secret that it creates

	mu       sync.Mutex    // guards what follows; nothing is asked under it
	text     textedit.Text // of a secret
	room     unsent.Room   // for it, while the server does not have it
	foreign  bool          // it began with what the server had, and was not emptied since
	base     lostupdate.Base
	created  bool           // and not sent yet: the server does not have the secret
	changes  uint64         // of the text, and of whether it is whole
	changed  time.Time      // when the latest was
	unsent   change         // what of the text the server does not have
	part     error          // a write was refused, and this is why: the text is a part, and is not sent
	dropped  bool           // what is written goes nowhere: see [caller.Shreds]
	failed   refusal        // of the latest attempt to send
	attempt  commit.Attempt // that may have succeeded although it failed
	kept     []keptText
	ended    error            // why nothing will be sent any more, nil while it may
	writers  []caller.Process // who wrote
	closing  bool             // somebody has closed a descriptor of it
	lingers  bool             // although somebody has, it stays open
	sendNext bool             // RELEASE has come
}

// refusal is why a text could not be sent.
type refusal struct {
	err   error  // nil: it could
	after uint64 // changes of the text
}

// keptText is a text of a handle in rejected/.
type keptText struct {
	name  string
	after uint64 // changes
}

var (
	_ fusefs.FileReader   = (*writeHandle)(nil)
	_ fusefs.FileWriter   = (*writeHandle)(nil)
	_ fusefs.FileFlusher  = (*writeHandle)(nil)
	_ fusefs.FileFsyncer  = (*writeHandle)(nil)
	_ fusefs.FileReleaser = (*writeHandle)(nil)
)

func (n *file) newHandle(ctx context.Context, flags uint32) *writeHandle {
	return &writeHandle{
		file:     n,
		opener:   n.fs.processOf(ctx),
		caller:   callerOf(ctx),
		append:   flags&syscall.O_APPEND != 0,
		turn:     make(chan struct{}, 1),
		released: make(chan struct{}),
	}
}

// Read reads the handle's own text.
func (h *writeHandle) Read(_ context.Context, dest []byte, off int64) (_ fuse.ReadResult, errno syscall.Errno) {
	n := 0
	h.with(func(t *textedit.Text) {
		n = t.ReadAt(dest, off)
	}, func(err error) { errno = errnoOf(err) })
	return fuse.ReadResultData(dest[:n]), errno
}

// with calls do with the text, locked, or otherwise with why there is none.
func (h *writeHandle) with(do func(*textedit.Text), otherwise func(error)) {
	if h.scratch != nil {
		h.scratch.mu.Lock()
		defer h.scratch.mu.Unlock()
		do(&h.scratch.text)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.revoked.Load():
		otherwise(errRevoked)
	case h.ended != nil && h.ended != errNoName:
		otherwise(h.ended)
	default:
		do(&h.text)
	}
}

// mine reports whether who opened the handle or wrote to it, as far as that can
// be known.
func (h *writeHandle) mine(who caller.Process) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.opener.Other(who) || slices.Contains(h.writers, who)
}

// delivered reports whether somebody has closed the handle and the server has all
// of its text: it probably waits for its RELEASE only.
func (h *writeHandle) delivered() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closing && h.owes() == nothing
}

// size is what the text's own writers see: they seek to its end.
func (h *writeHandle) size() (n int) {
	h.with(func(t *textedit.Text) { n = t.Len() }, func(error) {})
	return n
}

// creating reports whether the handle has created its secret and not sent it.
func (h *writeHandle) creating() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.created && h.ended == nil
}

// rebase says that a change of ours that is not about the value made version to
// of version from.
func (h *writeHandle) rebase(from, to lostupdate.Base) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.base == from {
		h.base = to
	}
}

// end says why nothing is sent any more.
func (h *writeHandle) end(why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended == nil {
		h.ended = why
	}
}

func (h *writeHandle) folder() secret.Dir {
	dir, _ := h.file.where()
	return dir
}

func (h *writeHandle) revoke() { h.revoked.Store(true) }
