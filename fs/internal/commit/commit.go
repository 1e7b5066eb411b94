// Package commit gives a secret a new value on the server, unless that would undo
// what somebody else has done since the value's writer has looked (a lost update).
// Servers have no conditional writes, so it looks just before it writes: a window of
// one round trip stays open, and what slips through is told from the version that
// the server gives.
//
//	out, err := committer.Commit(ctx, commit.Change{Dir: dir, Name: "KEY", Value: value, Base: base, Who: who})
//
// It says whether anything has changed ([Outcome]) and tells nobody: what follows of
// a change for the kernel and for watchers is the caller's. Beside it are what stands
// in the way of a write: the rights that the server has refused ([Denials]), and what
// no write of a file may do to a secret ([Committer.Writable], [Committer.Stored]).
package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

// Change is a new value for a secret, which need not exist.
type Change struct {
	Dir   secret.Dir
	Name  string // the server's
	Value secret.Value
	Base  lostupdate.Base // what the value is based on
	Who   caller.Process  // whose change it is; what else he has read and written counts as known to him

	Early   bool    // it is what opening alone made of the secret: nothing was written yet
	Append  bool    // it is the base with something appended: no other version will do
	Attempt Attempt // the one before, of the same writer
}

// Outcome is what became of a change that did not fail.
type Outcome struct {
	Secret secret.Secret // as the server has it now
	What   What
	Seen   int // the version that the change was made of, if something was there
	Lost   int // how many changes by somebody else came between looking and writing, and were overwritten
}

// What says what a change that did not fail has changed.
type What uint8

// Nothing is the smallest change, Sent the largest.
const (
	Nothing What = iota // the writer has written a later text already
	Stands              // the server has had that value already: what else is known of the name ends
	Sent                // the server has taken it
)

// Attempt is a write of which nobody could find out what became of it. The zero
// Attempt is none.
type Attempt struct {
	Value secret.Value
	Base  lostupdate.Base // what it was based on
	Is    bool            // there was one
}

// Made reports whether s is what the attempt has made. Somebody else may have
// written the same value then, and that is as well.
func (a Attempt) Made(s *secret.Secret) bool {
	return a.Is && (a.Base == lostupdate.Base{} && s.Version == 1 || lostupdate.BaseOf(s) == a.Base.Next()) &&
		s.Value.Reveal() == secret.StoredForm(a.Value.Reveal())
}

// MayHaveHappened reports whether the server may have made a change that failed
// with err: it did not answer, nor when it was asked what became of it.
func MayHaveHappened(err error) bool {
	return errors.Is(err, secret.ErrTimeout) || errors.Is(err, secret.ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// ErrGone wraps [secret.ErrConflict].
var ErrGone = fmt.Errorf("%w: it was deleted", secret.ErrConflict)

// Committer makes changes. It is safe for concurrent use; changes of one folder are
// made one after the other by its callers.
type Committer struct {
	Writer  secret.Writer
	Bases   *lostupdate.Bases // which versions are known to whom
	Denials *Denials          // is told what the server refuses

	Overwrite        bool // the last writer wins: neither changes by others nor references keep a value from being replaced
	Raw              bool // values are shown as they are stored, so writing one ends no references
	PersonalReadOnly bool // what is shown may be a person's own overrides, and a write would be for the shared value
}

// Commit makes a change. Errors are those of [secret.Writer], and
// [secret.ErrConflict] if the server has a version that the writer does not know.
func (c *Committer) Commit(ctx context.Context, change Change) (Outcome, error) {
	lastRead, _ := c.Bases.LastRead(change.Who, change.Dir, change.Name)
	wrote := c.Bases.LastWritten(change.Who, change.Dir, change.Name)
	known := []lostupdate.Base{change.Base, lastRead, wrote} // perhaps with other handles
	if change.Append {
		known = known[:1] // what another handle has appended would be lost
	}
	if !slices.ContainsFunc(known, func(b lostupdate.Base) bool { return b != lostupdate.Base{} }) {
		out, err := c.Create(ctx, change)
		if !errors.Is(err, secret.ErrExists) {
			return out, err
		}
	}
	stored, err := c.Writer.Stored(ctx, change.Dir, change.Name)
	out := Outcome{Secret: stored, Seen: stored.Version}
	switch {
	case errors.Is(err, secret.ErrNotFound):
		if change.Base != (lostupdate.Base{}) && !c.Overwrite {
			return out, ErrGone
		}
		return c.Create(ctx, change)
	case err != nil:
		return out, err
	case !c.Overwrite && !slices.Contains(known, lostupdate.BaseOf(&stored)) && !change.Attempt.Made(&stored):
		return out, secret.ErrConflict // also if it has the same value now: two who count up read the same
	case change.Early && lostupdate.BaseOf(&stored) != change.Base && lostupdate.BaseOf(&stored) == wrote:
		return out, nil // it was emptied before it was written with another handle
	case stored.Value.Reveal() == secret.StoredForm(change.Value.Reveal()):
		c.Bases.NoteWrite(change.Who, change.Dir, change.Name, &stored)
		out.What = Stands
		return out, nil
	case stored.Rotated:
		return out, ErrRotated
	}
	return c.update(ctx, change, out)
}

// update replaces the version that out says.
func (c *Committer) update(ctx context.Context, change Change, out Outcome) (Outcome, error) {
	got, err := c.Writer.Update(ctx, change.Dir, change.Name, change.Value)
	out.Secret = got
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return out, ErrGone
	case err != nil:
		return out, c.Denials.Note(change.Dir, MayChange, err)
	}
	out.What, out.Lost = Sent, max(0, got.Version-out.Seen-1)
	c.Bases.NoteWrite(change.Who, change.Dir, change.Name, &got)
	return out, nil
}

// Create makes a secret that must not exist yet ([secret.ErrExists]).
func (c *Committer) Create(ctx context.Context, change Change) (Outcome, error) {
	got, err := c.Writer.Create(ctx, change.Dir, change.Name, change.Value)
	if err != nil {
		return Outcome{Secret: got}, c.Denials.Note(change.Dir, MayCreate, err)
	}
	c.Bases.NoteWrite(change.Who, change.Dir, change.Name, &got)
	return Outcome{Secret: got, What: Sent}, nil
}
