package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
)

// openScratch opens what the caller has found to be a scratch file. It may
// become a secret while the caller waits, and then is opened as one.
func (n *file) openScratch(ctx context.Context, sc *scratchFile, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if w := n.fs.overlay.covering(sc); w != nil && writesWith(flags) {
		// Whoever writes to the new name of a secret means the secret. If it is
		// being written anew under the old one this is a backup.
		if err := n.fs.carryRenameOut(ctx, w); err != nil && mayWorkLater(err) {
			return nil, 0, n.fs.failed("open", n.path(), err)
		}
	}
	switch entered, err := n.enterScratch(ctx, sc); {
	case err != nil:
		return nil, 0, n.fs.failed("open", n.path(), err)
	case !entered:
		return n.Open(ctx, flags)
	}
	h := n.newHandle(ctx, flags, sc)
	n.fs.writers.add(h)
	if writesWith(flags) && n.fs.overlay.leftBehind(sc) && !n.fs.names.Face(n.fs.overlay.where(sc).name, noSiblings) {
		// Nobody who copies something there, in a name that people use, knows
		// that it is no secret's.
		n.fs.doubt(sc, h.buffer.Opener())
	}
	n.pages.Writing() // it may be a secret before it is closed
	if flags&syscall.O_TRUNC != 0 {
		sc.empty(h.buffer.Opener())
	}
	return h, fuse.FOPEN_DIRECT_IO, 0
}

// noSiblings is for names that are looked at alone.
func noSiblings(func(string) bool) {}

// enterScratch counts a handle of a scratch file. It waits while the file is on
// its way to the server, and reports false if it is a secret afterwards.
func (n *file) enterScratch(ctx context.Context, sc *scratchFile) (bool, error) {
	for n.asScratch() == sc {
		entered, wait := n.fs.overlay.enter(sc)
		if entered {
			return true, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return false, nil
}

// empty takes the content away, for who opened the file with O_TRUNC.
func (sc *scratchFile) empty(who caller.Process) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.text.Len() > 0 {
		sc.resize(0)
		sc.wrote(who, who)
	}
}
