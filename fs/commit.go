package fs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

// commit is a new value for a secret.
type commit struct {
	dir   secret.Dir
	name  string
	value secret.Value
	base  lostupdate.Base // what the value is based on
	who   caller.Process
	early bool    // it is what opening alone made of the secret
	whole bool    // it is base with something appended
	tried attempt // before, of the same writer
}

// attempt is a write of which nobody could find out what became of it.
type attempt struct {
	value secret.Value
	base  lostupdate.Base // what it was based on
	is    bool            // there was one
}

// made reports whether s is what the attempt has made. Somebody else may have
// written the same value then, and that is as well.
func (a attempt) made(s *secret.Secret) bool {
	next := a.base.Next()
	return a.is && (a.base == lostupdate.Base{} && s.Version == 1 || lostupdate.BaseOf(s) == next) &&
		s.Value.Reveal() == secret.StoredForm(a.value.Reveal())
}

// errGone is a conflict.
var errGone = fmt.Errorf("%w: it was deleted", secret.ErrConflict)

// commit sends a value and returns the secret as the server has it then. The
// caller has its turn in the folder's queue.
//
// Servers have no conditional writes. Who came in between is found out by
// looking just before, so a window of one round trip stays open; what slips
// through it is found out from the version that the server gives.
func (f *FS) commit(ctx context.Context, c commit) (secret.Secret, error) {
	lastRead, _ := f.bases.LastRead(c.who, c.dir, c.name)
	wrote := f.bases.LastWritten(c.who, c.dir, c.name)
	known := []lostupdate.Base{c.base, lastRead, wrote} // perhaps with other handles
	if c.whole {
		known = known[:1] // what another handle has appended would be lost
	}
	if !slices.ContainsFunc(known, func(b lostupdate.Base) bool { return b != lostupdate.Base{} }) {
		got, err := f.create(ctx, c)
		if !errors.Is(err, secret.ErrExists) {
			return got, err
		}
	}
	stored, err := f.cfg.Writer.Stored(ctx, c.dir, c.name)
	switch {
	case errors.Is(err, secret.ErrNotFound):
		if c.base != (lostupdate.Base{}) && !f.cfg.Overwrite {
			return stored, errGone
		}
		return f.create(ctx, c)
	case err != nil:
		return stored, err
	case !f.cfg.Overwrite && !slices.Contains(known, lostupdate.BaseOf(&stored)) && !c.tried.made(&stored):
		return stored, secret.ErrConflict // also if it has the same value now: two who count up read the same
	case c.early && lostupdate.BaseOf(&stored) != c.base && lostupdate.BaseOf(&stored) == wrote:
		return stored, nil // it was emptied before it was written with another handle
	case stored.Value.Reveal() == secret.StoredForm(c.value.Reveal()):
		f.bases.NoteWrite(c.who, c.dir, c.name, &stored)
		f.overlay.uncover(c.dir, c.name)
		return stored, nil
	case stored.Rotated:
		return stored, errRotated
	}
	got, err := f.cfg.Writer.Update(ctx, c.dir, c.name, c.value)
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return got, errGone
	case err != nil:
		return got, f.denials.note(c.dir, mayChange, err)
	}
	if others := got.Version - stored.Version - 1; others > 0 {
		f.writes.lost.Add(uint64(others))
		f.log.Warn("changes by somebody else were overwritten: they came between looking and writing",
			"path", path.Join(c.dir.String(), filename.Encode(c.name)), "seen", stored.Version, "written", got.Version)
	}
	f.sent(c, &got)
	return got, nil
}

func (f *FS) create(ctx context.Context, c commit) (secret.Secret, error) {
	got, err := f.cfg.Writer.Create(ctx, c.dir, c.name, c.value)
	if err != nil {
		return got, f.denials.note(c.dir, mayCreate, err)
	}
	f.sent(c, &got)
	return got, nil
}

// mayHaveHappened reports whether the server may have made a change that failed
// with err: it did not answer, nor when it was asked what became of it.
func mayHaveHappened(err error) bool {
	return errors.Is(err, secret.ErrTimeout) || errors.Is(err, secret.ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// sent says that the server has a new value.
func (f *FS) sent(c commit, got *secret.Secret) {
	f.writes.sent.Add(1)
	f.bases.NoteWrite(c.who, c.dir, c.name, got)
	f.overlay.uncover(c.dir, c.name)
	f.tell(c.dir, c.name)
}

// tell lets the kernel forget attributes and content of a secret before it
// returns: a stat after the change shall see it. The kernel may be waiting for
// us meanwhile, but not with anything that this message needs: it takes locks of
// pages, whose READs are answered without asking anybody, and none of names.
func (f *FS) tell(dir secret.Dir, name string) {
	at := f.inode(dir)
	if !f.known.Load() || at == nil {
		return
	}
	names := []string{filename.Encode(name), filename.Beside(name)}
	for _, shown := range names {
		if child := at.GetChild(shown); child != nil {
			if n, ok := child.Operations().(*file); ok {
				n.pages.SetNewest(nil)
			}
		}
	}
	publish(at, names)
	f.forgetViews(at)
}

// Touched has the kernel ask again how large the files of a folder are: one of them
// may refer to what was just changed here. A stat after the change shall see it; as
// with tell, nothing that a caller of the kernel's waits for is waited for.
func (f *FS) Touched(dir secret.Dir) {
	at := f.inode(dir)
	if !f.known.Load() || at == nil {
		return
	}
	children := at.Children()
	if len(children) > touchedAtOnce {
		return // the news of the change, which comes behind, says it too
	}
	for _, child := range children {
		if !child.IsDir() {
			forgetAttr(child)
		}
	}
}

// touchedAtOnce bounds the messages that a change of one secret may wait for.
const touchedAtOnce = 1000

// reveal is tell for names that came to be or went without the kernel's doing.
func (f *FS) reveal(dir secret.Dir, names ...string) {
	out := outdated{dir: dir}
	for _, name := range names {
		out.entries = append(out.entries, filename.Encode(name))
	}
	f.queue(out)
}

func (f *FS) queue(out outdated) {
	if f.known.Load() {
		f.news.add(out, f.invalidate)
	}
}

// reference is how servers write a reference to another secret.
var reference = regexp.MustCompile(`\$\{[^}]+\}`)

// The reasons why a secret may not be written.
var (
	errRotated   = fmt.Errorf("%w: it is managed by a rotation", secret.ErrProtected)
	errReference = fmt.Errorf("%w: its value has references, and writing the file would put their present text in their place; mount with --expand=false to edit it, or with --overwrite", secret.ErrProtected)
	errPersonal  = fmt.Errorf("%w: personal overrides are shown, and a write would be for the shared value; mount with --personal=false", secret.ErrProtected)
	errImported  = fmt.Errorf("%w: only an import gives it", secret.ErrProtected)
)

// writable says why a secret of the folder may not be changed.
func (f *FS) writable(s *secret.Secret) error {
	switch {
	case f.cfg.PersonalReadOnly || s.Personal:
		return errPersonal
	case s.Import == nil && s.Rotated:
		return errRotated
	}
	return nil
}

// stored asks the server for a secret that is going to be replaced, and says
// why it may not be.
func (f *FS) stored(ctx context.Context, dir secret.Dir, name string) (secret.Secret, error) {
	s, err := f.cfg.Writer.Stored(ctx, dir, name)
	switch {
	case err != nil:
		return s, err
	case s.Rotated:
		return s, errRotated
	case !f.cfg.Raw && !f.cfg.Overwrite && refers(s.Value):
		return s, errReference
	}
	return s, nil
}

// refers reports whether a stored value has references.
func refers(v secret.Value) bool {
	text := make([]byte, v.Len())
	defer clear(text)
	return reference.Match(text[:v.CopyAt(text, 0)])
}
