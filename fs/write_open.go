package fs

import (
	"context"
	"errors"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// writesWith reports whether open flags ask for a change.
func writesWith(flags uint32) bool {
	return flags&syscall.O_ACCMODE != syscall.O_RDONLY || flags&syscall.O_TRUNC != 0
}

// openToWrite opens the secret with a text of its own. Whatever can be known to
// stand in the way is said now, because many programs check open and not close.
func (n *file) openToWrite(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if n.fs.cfg.Writer == nil {
		return nil, 0, syscall.EROFS
	}
	ctx, stop := n.fs.killable(ctx)
	defer stop()
	h := n.newHandle(ctx, flags, nil)
	if err := n.fs.opened.Open(h, func() error { return h.load(ctx, flags) }); err != nil {
		return nil, 0, n.gone("open", err)
	}
	dir, name := n.where()
	n.fs.drafts.add(h, dir, name)
	n.fs.writers.Add(h)
	if h.ahead {
		h.keepCacheOut()
	}
	if n.pages.Wanted() {
		return h, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_KEEP_CACHE, 0 // or others would lose their pages
	}
	return h, fuse.FOPEN_DIRECT_IO, 0
}

// keepCacheOut lets nobody have the file open with the page cache from now on.
// Who has it open so now has a moment to come to an end. Until something is written
// there is no need: many programs open a file for writing and only read it. But who is ahead of
// the readers would be shown their pages.
func (h *writeHandle) keepCacheOut() {
	if h.cacheOut.Swap(true) {
		return
	}
	p := &h.file.pages
	p.Writing()
	p.SetNewest(nil)
	p.WaitForReaders()
	h.file.forget()
}

// letCacheIn ends that, by having the kernel let go of the file: what it has made
// of the writes is not what the server has made of them.
func (h *writeHandle) letCacheIn() {
	if !h.cacheOut.Load() {
		return
	}
	h.file.forget()
	h.file.fs.queue(h.file.outdated())
}

// load fills a new handle with the secret's text, or none if flags empty it.
func (h *writeHandle) load(ctx context.Context, flags uint32) error {
	f := h.file.fs
	dir, name := h.file.where()
	f.awaitRelease(ctx, dir, name, nil)
	_, s, err := h.file.current(ctx)
	if errors.Is(err, secret.ErrNotFound) && f.drafts.beingCreated(dir, name) {
		h.buffer.BeginNew()
		h.ahead = true
		return f.denials.Check(dir, commit.MayCreate)
	}
	if err != nil {
		return err
	}
	if err := f.committer.Writable(&s); err != nil {
		return err
	}
	if s.Import != nil {
		err = f.denials.Check(dir, commit.MayCreate)
	} else {
		err = f.denials.Check(dir, commit.MayChange)
	}
	if err != nil {
		return err
	}
	return h.loadSecret(ctx, dir, &s, flags&syscall.O_TRUNC != 0)
}

// loadSecret begins with what s is: what the server has this moment, as long as
// the process has read no other version.
func (h *writeHandle) loadSecret(ctx context.Context, dir secret.Dir, s *secret.Secret, empty bool) error {
	f, shown := h.file.fs, h.file.version(s)
	lastSeen, sawIt := f.bases.LastRead(h.buffer.Opener(), dir, s.Name)
	base := lostupdate.BaseOf(s)
	if s.Hidden && !(empty && f.cfg.Overwrite) {
		return s.Unreadable()
	}
	if ask := s.Import == nil && !f.cfg.Raw && !(empty && f.cfg.Overwrite); ask {
		stored, err := f.committer.Stored(ctx, dir, s.Name)
		switch {
		case err == nil:
			s, base = &stored, lostupdate.BaseOf(&stored)
		case errors.Is(err, secret.ErrNotFound) && empty: // the conflict is found when it is sent
		case err != nil:
			return f.denials.Note(dir, commit.MayChange, err)
		}
	}
	if sawIt {
		base = lastSeen
	}
	h.ahead = !s.Value.Equal(shown.Value)
	if empty { // the kernel takes the file for empty from here on
		h.ahead = shown.Hidden || shown.Value.Len() > 0
	}
	h.buffer.Begin(s.Value, base, empty)
	return nil
}

// truncate is truncate(2), which comes without a handle: read, cut, send.
func (n *file) truncate(ctx context.Context, size uint64) syscall.Errno {
	flags := uint32(syscall.O_WRONLY)
	if size == 0 {
		flags |= syscall.O_TRUNC
	}
	fh, _, errno := n.openToWrite(ctx, flags)
	if errno != 0 {
		return errno
	}
	h := fh.(*writeHandle)
	defer h.Release(ctx)
	if uint64(h.buffer.Len()) != size {
		if errno := h.truncate(ctx, size); errno != 0 {
			return errno
		}
	}
	ctx, stop := n.fs.killable(ctx)
	defer stop()
	if err := h.send(ctx, writeback.AtOnce); err != nil {
		return n.fs.failed("truncate", n.path(), err)
	}
	return 0
}
