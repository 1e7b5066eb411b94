package commit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

var (
	dev  = secret.Dir{Project: "demo"}.Child("dev")
	me   = caller.Process{PID: 1}
	none = lostupdate.Base{}
)

// newServer returns a server that has KEY, and a committer that writes there.
func newServer() (*secrettest.Fake, *Committer) {
	fake := secrettest.NewFake()
	fake.Set(dev, "KEY", "before")
	return fake, &Committer{Writer: fake.Writer(), Bases: &lostupdate.Bases{}, Denials: &Denials{}}
}

// current is the version of KEY that the server has.
func current(fake *secrettest.Fake) lostupdate.Base {
	s, _ := fake.Own(dev, "KEY")
	return lostupdate.BaseOf(&s)
}

func TestCommit(t *testing.T) {
	older := func(b lostupdate.Base) lostupdate.Base { b.Version--; return b }
	for name, test := range map[string]struct {
		name   string // KEY, if empty
		value  string
		server func(*secrettest.Fake)
		knows  func(*Committer, *secrettest.Fake) // what who has read and written before
		change func(*Change, lostupdate.Base)     // what it is based on: the current version, if nil
		with   func(*Committer)

		what What
		err  error
		has  string // the server then
		asks []string
	}{
		"based on what is there":  {value: "after", what: Sent, has: "after", asks: []string{"stored", "update"}},
		"the same value":          {value: "before", what: Stands, has: "before", asks: []string{"stored"}},
		"the same value, trimmed": {value: " before ", what: Stands, has: "before", asks: []string{"stored"}},
		"new":                     {name: "NEW", value: "v", change: func(c *Change, _ lostupdate.Base) { c.Base = none }, what: Sent, has: "v", asks: []string{"create"}},
		"new, and somebody was there": {value: "after", change: func(c *Change, _ lostupdate.Base) { c.Base = none },
			err: secret.ErrConflict, has: "before", asks: []string{"create", "stored"}},
		"changed since": {value: "after", change: func(c *Change, now lostupdate.Base) { c.Base = older(now) },
			err: secret.ErrConflict, has: "before", asks: []string{"stored"}},
		"changed since, to the same value": {value: "before", change: func(c *Change, now lostupdate.Base) { c.Base = older(now) },
			err: secret.ErrConflict, has: "before", asks: []string{"stored"}},
		"changed since, and the last writer wins": {value: "after", change: func(c *Change, now lostupdate.Base) { c.Base = older(now) },
			with: func(c *Committer) { c.Overwrite = true }, what: Sent, has: "after", asks: []string{"stored", "update"}},
		"changed since, and seen": {value: "after", change: func(c *Change, now lostupdate.Base) { c.Base = older(now) },
			knows: func(c *Committer, f *secrettest.Fake) {
				s, _ := f.Own(dev, "KEY")
				c.Bases.NoteRead(me, dev, "KEY", &s)
			},
			what: Sent, has: "after", asks: []string{"stored", "update"}},
		"changed since, by himself": {value: "after", change: func(c *Change, now lostupdate.Base) { c.Base = older(now) },
			knows: func(c *Committer, f *secrettest.Fake) {
				s, _ := f.Own(dev, "KEY")
				c.Bases.NoteWrite(me, dev, "KEY", &s)
			},
			what: Sent, has: "after", asks: []string{"stored", "update"}},
		"appended to what he has changed since": {value: "after", change: func(c *Change, now lostupdate.Base) { c.Base, c.Append = older(now), true },
			knows: func(c *Committer, f *secrettest.Fake) {
				s, _ := f.Own(dev, "KEY")
				c.Bases.NoteWrite(me, dev, "KEY", &s)
			},
			err: secret.ErrConflict, has: "before", asks: []string{"stored"}},
		"emptied by opening, and written by himself since": {value: "", change: func(c *Change, now lostupdate.Base) { c.Base, c.Early = older(now), true },
			knows: func(c *Committer, f *secrettest.Fake) {
				s, _ := f.Own(dev, "KEY")
				c.Bases.NoteWrite(me, dev, "KEY", &s)
			},
			what: Nothing, has: "before", asks: []string{"stored"}},
		"made by the attempt before": {value: "after", change: func(c *Change, now lostupdate.Base) {
			c.Base = older(now)
			c.Attempt = Attempt{Value: secret.NewValue(" before "), Base: older(now), Is: true}
		}, what: Sent, has: "after", asks: []string{"stored", "update"}},
		"made by somebody, and not by the attempt before": {value: "after", change: func(c *Change, now lostupdate.Base) {
			c.Base = older(now)
			c.Attempt = Attempt{Value: secret.NewValue("other"), Base: older(now), Is: true}
		}, err: secret.ErrConflict, has: "before", asks: []string{"stored"}},
		"deleted since": {value: "after", server: func(f *secrettest.Fake) { f.Remove(dev, "KEY") }, err: ErrGone, asks: []string{"stored"}},
		"deleted since, and the last writer wins": {value: "after", server: func(f *secrettest.Fake) { f.Remove(dev, "KEY") },
			with: func(c *Committer) { c.Overwrite = true }, what: Sent, has: "after", asks: []string{"stored", "create"}},
		"rotated": {value: "after", server: func(f *secrettest.Fake) {
			s, _ := f.Own(dev, "KEY")
			s.Rotated = true
			f.Put(dev, s)
		}, err: ErrRotated, has: "before", asks: []string{"stored"}},
		"denied": {value: "after", server: func(f *secrettest.Fake) { f.FailWrites(secrettest.KindUpdate, secret.ErrDenied) },
			err: secret.ErrDenied, has: "before", asks: []string{"stored", "update"}},
		"away": {value: "after", server: func(f *secrettest.Fake) { f.FailWrites(secrettest.KindStored, secret.ErrUnavailable) },
			err: secret.ErrUnavailable, has: "before", asks: []string{"stored"}},
	} {
		t.Run(name, func(t *testing.T) {
			fake, committer := newServer()
			if test.name == "" {
				test.name = "KEY"
			}
			base := current(fake)
			if test.server != nil {
				test.server(fake)
			}
			if test.with != nil {
				test.with(committer)
			}
			if test.knows != nil {
				test.knows(committer, fake)
			}
			change := Change{Dir: dev, Name: test.name, Value: secret.NewValue(test.value), Base: base, Who: me}
			if test.change != nil {
				test.change(&change, base)
			}
			var asks []string
			fake.BeforeWrites(func(r secrettest.Request) { asks = append(asks, fmt.Sprint(r.Kind)) })
			out, err := committer.Commit(t.Context(), change)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.what, out.What)
			require.Equal(t, test.asks, asks)
			s, _ := fake.Own(dev, test.name)
			require.Equal(t, test.has, s.Value.Reveal())
			if err == nil && test.what != Nothing {
				require.Equal(t, lostupdate.BaseOf(&s), lostupdate.BaseOf(&out.Secret))
				require.Equal(t, lostupdate.BaseOf(&s), committer.Bases.LastWritten(me, dev, test.name))
			}
			require.Equal(t, test.name == "KEY" && errors.Is(test.err, secret.ErrDenied), committer.Denials.Check(dev, MayChange) != nil)
		})
	}
}

// Who comes in between looking and writing is found out by the version.
func TestWhoCameInBetween(t *testing.T) {
	fake, committer := newServer()
	base := current(fake)
	fake.BeforeWrites(func(r secrettest.Request) {
		if r.Kind == secrettest.KindUpdate {
			fake.BeforeWrites(nil)
			for _, value := range []string{"one", "two"} {
				_, err := fake.Writer().Update(context.Background(), dev, "KEY", secret.NewValue(value))
				require.NoError(t, err)
			}
		}
	})
	out, err := committer.Commit(t.Context(), Change{Dir: dev, Name: "KEY", Value: secret.NewValue("mine"), Base: base, Who: me})
	require.NoError(t, err)
	require.Equal(t, 2, out.Lost)
	require.Equal(t, base.Version, out.Seen)
	require.Equal(t, base.Version+3, out.Secret.Version)
}

func TestWhatMayHaveHappened(t *testing.T) {
	for err, want := range map[error]bool{
		secret.ErrTimeout: true, secret.ErrUnavailable: true, context.Canceled: true, context.DeadlineExceeded: true,
		secret.ErrDenied: false, secret.ErrConflict: false, secret.ErrRateLimited: false, secret.ErrNotFound: false, ErrRotated: false,
	} {
		require.Equal(t, want, MayHaveHappened(fmt.Errorf("it failed: %w", err)), err)
	}
}

// A denial is remembered for a minute, for its folder and right alone, and an
// approval until somebody asks for everything anew.
func TestDenials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d Denials
		other := dev.Child("other")
		for _, err := range []error{nil, secret.ErrConflict, secret.ErrUnavailable} {
			require.Equal(t, err, d.Note(dev, MayChange, err))
			require.NoError(t, d.Check(dev, MayChange))
		}
		require.Equal(t, secret.ErrDenied, d.Note(dev, MayChange, secret.ErrDenied))
		require.ErrorIs(t, d.Check(dev, MayChange), secret.ErrDenied)
		require.NoError(t, d.Check(dev, MayCreate))
		require.NoError(t, d.Check(other, MayChange))
		time.Sleep(denialLasts + 1)
		require.NoError(t, d.Check(dev, MayChange))

		require.Equal(t, secret.ErrDenied, d.Note(dev, MayCreate, secret.ErrDenied))
		require.Len(t, d.until, 1, "what was over is forgotten")
		require.Equal(t, secret.ErrApproval, d.Note(dev, MayCreate, secret.ErrApproval))
		require.ErrorIs(t, d.Approval(dev), secret.ErrApproval)
		require.NoError(t, d.Approval(other))
		d.Forget()
		require.NoError(t, d.Check(dev, MayCreate))
		require.NoError(t, d.Approval(dev))
	})
}

func TestWritable(t *testing.T) {
	fake, committer := newServer()
	imported := &dev
	require.NoError(t, committer.Writable(&secret.Secret{}))
	require.NoError(t, committer.Writable(&secret.Secret{Rotated: true, Import: imported}), "the folder gets one of its own")
	require.Equal(t, ErrRotated, committer.Writable(&secret.Secret{Rotated: true}))
	require.Equal(t, ErrPersonal, committer.Writable(&secret.Secret{Personal: true}))
	_, err := committer.Stored(t.Context(), dev, "KEY")
	require.NoError(t, err)
	_, err = committer.Stored(t.Context(), dev, "NONE")
	require.ErrorIs(t, err, secret.ErrNotFound)
	fake.SetRaw(dev, "KEY", "${OTHER}")
	_, err = committer.Stored(t.Context(), dev, "KEY")
	require.Equal(t, ErrReference, err)
	committer.Raw = true
	_, err = committer.Stored(t.Context(), dev, "KEY")
	require.NoError(t, err)
	committer.PersonalReadOnly = true
	require.Equal(t, ErrPersonal, committer.Writable(&secret.Secret{}))

	for text, want := range map[string]bool{"": false, "text": false, "$OTHER": false, "${}": false, "${OTHER}": true, "a ${dev.x.OTHER} b": true} {
		require.Equal(t, want, Refers(secret.NewValue(text)), text)
	}
}
