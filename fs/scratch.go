package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

// scratchData is what the nodes keep with a scratch file, see [dataOf].
type scratchData struct {
	notes xattr.Notes              // for the secret that it may become
	place atomic.Pointer[location] // not nil: it is this secret now
	stays atomic.Bool              // and that secret has the file's inode number
	tried bool                     // an attempt to make it one may have succeeded; belongs to who sends it
}

func dataOf(sc *overlay.File) *scratchData { return sc.Data.(*scratchData) }

// newScratch makes a file without a name and content. It is its maker's, who may
// open it again whatever its mode. It may hold a secret: it is shown to nobody
// else to whom secrets are not.
func (f *FS) newScratch(ctx context.Context, snap *secret.Folder, kind kind, mode uint32) *overlay.File {
	return f.newScratchOf(snap, kind, f.callerOf(ctx), fuse.Attr{
		Mode:  mode&0o700 | mode&f.cfg.FileMode&0o077,
		Owner: fuse.Owner{Uid: f.creatorOf(ctx), Gid: f.cfg.GID},
	})
}

func (f *FS) newScratchOf(snap *secret.Folder, kind kind, by fuse.Caller, attr fuse.Attr) *overlay.File {
	return f.overlay.New(snap, kind.class, overlay.Made{By: by, Attr: attr, OnlyCopy: kind.onlyCopy, Data: &scratchData{}})
}

// scratchFileChild returns the node of a scratch file, nil if there is none of
// that name. The kernel is to ask for its name each time: it may be a secret's by
// then.
func (f *FS) scratchFileChild(ctx context.Context, in place, name string, out *fuse.Attr) *fusefs.Inode {
	sc := f.overlay.Find(in.where(), name)
	if sc == nil {
		return nil
	}
	n := in.folder().newFile("")
	n.scratch.Store(sc)
	sc.Getattr(out)
	return in.EmbeddedInode().NewInode(ctx, n, sc.ID())
}

// openScratch opens what the caller has found to be a scratch file. It may
// become a secret while the caller waits, and then is opened as one.
func (n *file) openScratch(ctx context.Context, sc *overlay.File, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if writesWith(flags) {
		if err := n.fs.carryOutBeforeChange(ctx, sc); err != nil {
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
	n.fs.writers.Add(h)
	if writesWith(flags) {
		n.fs.doubtLeftBehind(sc, h.buffer.Opener())
	}
	n.pages.Writing() // it may be a secret before it is closed
	h.cacheOut.Store(true)
	if flags&syscall.O_TRUNC != 0 {
		sc.Empty(h.buffer.Opener())
	}
	return h, fuse.FOPEN_DIRECT_IO, 0
}

// doubtLeftBehind is for who changes a backup that a program has left here: nobody
// who does so under a name that people use knows that it is no secret's.
func (f *FS) doubtLeftBehind(sc *overlay.File, who caller.Process) {
	if f.overlay.LeftBehind(sc) && !f.names.Temporary(f.overlay.Where(sc).Name, noSiblings) {
		f.doubt(sc, who)
	}
}

// sharedText is a scratch file's text, which all its handles share. It is sent once
// the file is a secret.
type sharedText struct{ file *overlay.File }

func (s sharedText) Use(do func(text *textedit.Text, sent *lostupdate.Base)) {
	c := s.file.Lock()
	defer s.file.Unlock()
	if dataOf(s.file).place.Load() == nil {
		do(&c.Text, nil)
	} else {
		do(&c.Text, &c.Sent)
	}
}

// noSiblings is for names that are looked at alone.
func noSiblings(func(string) bool) {}

// enterScratch counts a handle of a scratch file. It waits while the file is on
// its way to the server, and reports false if it is a secret afterwards.
func (n *file) enterScratch(ctx context.Context, sc *overlay.File) (bool, error) {
	for n.asScratch() == sc {
		entered, wait := n.fs.overlay.Enter(sc)
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

// leave returns the content of a file that is going to be a secret. What is
// written from now on belongs to that.
func leave(sc *overlay.File) (secret.Value, error) {
	c := sc.Lock()
	defer sc.Unlock()
	switch {
	case c.Text.Len() > textedit.Max:
		return secret.Value{}, secret.ErrTooLarge
	case c.Cut:
		return secret.Value{}, writeback.ErrPart
	case !c.Text.Valid():
		return secret.Value{}, writeback.ErrNotText
	}
	c.Leaving = true
	return c.Text.Value(), nil
}

// stay is the opposite of leave.
func stay(sc *overlay.File) {
	c := sc.Lock()
	defer sc.Unlock()
	c.Leaving = false
}

// become says that the file is a secret from now on. What is got is nil if its
// version is not known.
func become(sc *overlay.File, at *location, got *secret.Secret) {
	c := sc.Lock()
	defer sc.Unlock()
	c.Leaving = true
	if got != nil {
		c.Sent = lostupdate.BaseOf(got)
	}
	dataOf(sc).place.Store(at)
}

func wasTouched(sc *overlay.File) bool {
	c := sc.Lock()
	defer sc.Unlock()
	return c.Touched
}

// keepFile puts the text of a scratch file into rejected/, as one that exists
// nowhere else.
func (f *FS) keepFile(sc *overlay.File, at overlay.Name, why string) {
	ctx, text := onBehalf(sc)
	f.keepUnsent(ctx, at.Dir, keyOf(at.Name), text, why)
}

// keepOldFile is keepFile for a part, and for what its owner has removed.
func (f *FS) keepOldFile(sc *overlay.File, at overlay.Name, why string) {
	ctx, text := onBehalf(sc)
	f.keep(ctx, at.Dir, keyOf(at.Name), text, why)
}

// onBehalf returns the text of a scratch file, and a context of its maker's.
func onBehalf(sc *overlay.File) (context.Context, secret.Value) {
	c := sc.Lock()
	defer sc.Unlock()
	return onBehalfOf(context.Background(), sc.Caller()), c.Text.Value()
}

// keyOf returns the name that the server would have for a file name, or that
// itself if there is none.
func keyOf(shown string) string {
	if name, ok := filename.Decode(shown); ok {
		return name
	}
	return shown
}

// doubt says that who makes a file of which it is not known what it is, and
// follows it from then on.
func (f *FS) doubt(sc *overlay.File, who caller.Process) {
	maker := f.makers.Of(who)
	sc.Doubt(maker)
	f.followDoubtful(sc, maker)
}

// doubtAs says that a file takes the place of a doubtful one, whose maker
// decides its fate too.
func (f *FS) doubtAs(sc, old *overlay.File) {
	maker := f.makers.Retain(old.Maker())
	sc.DoubtAs(maker)
	f.followDoubtful(sc, maker)
}

// followDoubtful waits for the file's fate in the background, carries it out, and
// lets go of its maker. Two who doubt a file at once have each their own.
func (f *FS) followDoubtful(sc *overlay.File, maker *procend.Lifetime) {
	f.background(func() {
		defer f.makers.Release(maker)
		sc.Follow(f.life, f.cfg.ScratchFor, func(ctx context.Context, killed bool) bool {
			if killed {
				return f.sendDoubtful(ctx, sc, writeback.ErrKilled)
			}
			return f.sendDoubtful(ctx, sc, nil)
		})
	})
}
