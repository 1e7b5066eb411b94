package layout

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestFlat(t *testing.T) {
	w := newWorld(flatten)
	f := w.folder(t, dev)
	require.Equal(t, map[string]string{
		"GREETING": "hello", "payments__STRIPE_KEY": "not-a-real-key", "payments__eu__iban": "XX00",
	}, values(f))
	require.Empty(t, f.Folders)
	s, _ := f.Secret("payments__eu__iban")
	require.Equal(t, &secret.Origin{Dir: eu, Name: "iban"}, s.Origin)

	w = newWorld(func(c *Config) { c.Flat, c.Separator, c.Names, c.Root = true, ".", Upper, payments })
	require.Equal(t, map[string]string{"STRIPE_KEY": "not-a-real-key", "EU.IBAN": "XX00"}, values(w.folder(t, payments)))
	_, err := w.Layout.Folder(t.Context(), eu, secret.NeedEntry)
	require.ErrorIs(t, err, secret.ErrNotFound)
}

func TestFlatCollision(t *testing.T) {
	w := newWorld(flatten)
	w.Set(dev, "payments__STRIPE_KEY", "another")
	f := w.folder(t, dev)
	require.Equal(t, "(hidden)", values(f)["payments__STRIPE_KEY"])
	s, _ := f.Secret("payments__STRIPE_KEY")
	require.Contains(t, s.Reason, "payments__STRIPE_KEY and payments/STRIPE_KEY have the name")
}

// One folder's failure is everybody's, or an error would look like an absence.
func TestFlatFailure(t *testing.T) {
	w := newWorld(flatten)
	w.Fail(eu, secret.ErrUnavailable)
	for _, need := range []secret.Need{secret.NeedEntry, secret.NeedListing, secret.NeedProof} {
		f, err := w.Layout.Folder(t.Context(), dev, need)
		require.ErrorIs(t, err, secret.ErrUnavailable)
		require.Nil(t, f)
	}
	w.Fail(eu, nil)
	w.Fail(dev, secret.ErrUnavailable)
	_, err := w.Layout.Folder(t.Context(), dev, secret.NeedEntry)
	require.ErrorIs(t, err, secret.ErrUnavailable)
}

// What a denied folder has is not absent, and the rest can be read.
func TestFlatDenial(t *testing.T) {
	w := newWorld(flatten)
	w.Fail(eu, secret.ErrDenied)
	f := w.folder(t, dev)
	require.ErrorIs(t, f.Denied, secret.ErrDenied)
	require.ErrorContains(t, f.Denied, "/demo/dev/payments/eu may not be read: leave it out with --exclude")
	require.Len(t, f.Secrets, 2)

	w = newWorld(func(c *Config) { c.Flat, c.Exclude = true, patterns("payments/eu") })
	w.Fail(eu, secret.ErrDenied)
	require.NoError(t, w.folder(t, dev).Denied)
}

// A folder that is gone since the list above was made has nothing.
func TestFlatWithAnOldList(t *testing.T) {
	w := newWorld(flatten)
	w.Fail(payments, secret.ErrNotFound)
	require.Equal(t, map[string]string{"GREETING": "hello"}, values(w.folder(t, dev)))
}

// The whole is as old, as stale and as partial as its worst part.
func TestFlatIsWhatItsPartsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld(flatten)
		w.below = sourceFunc(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			f, err := w.Fake.Folder(ctx, dir, need)
			return f.With(func(f *secret.Folder) {
				if dir == eu {
					f.Partial, f.Stale, f.Fetched, f.Answered = need != secret.NeedProof, true, began.Add(-time.Minute), began.Add(-time.Hour)
				}
			}), err
		})
		f := w.folder(t, dev)
		require.True(t, f.Partial)
		require.True(t, f.Stale)
		require.Equal(t, began.Add(-time.Minute), f.Fetched)
		require.Equal(t, began.Add(-time.Hour), f.Answered)
		f, err := w.Layout.Folder(t.Context(), dev, secret.NeedProof)
		require.NoError(t, err)
		require.False(t, f.Partial)
	})
}

// Where a snapshot does not know its subfolders they are asked for.
func TestFlatAsksForSubfolders(t *testing.T) {
	w := newWorld(flatten)
	w.below = sourceFunc(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		f, err := w.Fake.Folder(ctx, dir, need)
		if err == nil && need != secret.NeedProof {
			f = f.With(func(f *secret.Folder) { f.Folders, f.NoSubfolders, f.Partial = nil, true, true })
		}
		return f, err
	})
	f := w.folder(t, dev)
	require.Len(t, f.Secrets, 3)
	require.False(t, f.NoSubfolders)
}

// More folders than are asked for at once, and failures in the middle of it.
func TestFlatManyFolders(t *testing.T) {
	w := newWorld(flatten)
	for i := range 50 {
		for j := range 3 {
			w.Set(dev.Child(fmt.Sprint("f", i)).Child(fmt.Sprint("g", j)), "KEY", "v")
		}
	}
	require.Len(t, w.folder(t, dev).Secrets, 153)
	w.FailAll(nil)
	for i := range 50 {
		w.Fail(dev.Child(fmt.Sprint("f", i)).Child("g1"), secret.ErrTimeout)
	}
	_, err := w.Layout.Folder(t.Context(), dev, secret.NeedListing)
	require.ErrorIs(t, err, secret.ErrTimeout)
}

func TestFlatNews(t *testing.T) {
	w := newWorld(flatten)
	before, err := w.Fetch(t.Context(), eu, nil)
	require.NoError(t, err)
	w.folder(t, dev)
	w.Set(eu, "iban", "YY11")
	w.Set(eu, "bic", "FAKE")
	after, err := w.Fetch(t.Context(), eu, nil)
	require.NoError(t, err)

	above, ok := w.Change(secret.Change{Dir: eu, Old: before, New: after})
	require.True(t, ok)
	require.Equal(t, dev, above.Dir)
	require.Equal(t, map[string]string{"payments__eu__iban": "XX00"}, values(above.Old))
	require.Equal(t, map[string]string{"payments__eu__iban": "YY11", "payments__eu__bic": "FAKE"}, values(above.New))

	w.Set(dev, "payments__STRIPE_KEY", "of another folder too")
	w.folder(t, dev)
	above, ok = w.Change(secret.Change{Dir: payments, Deep: true, Old: before})
	require.True(t, ok)
	require.Equal(t, dev, above.Dir)
	require.Equal(t, map[string]string{"payments__eu__iban": "", "payments__eu__bic": ""}, values(above.Old))
	require.Empty(t, above.New.Secrets)

	_, ok = w.Change(secret.Change{Dir: secret.Dir{Project: "demo", Env: "prod", Path: "/"}, Deep: true})
	require.False(t, ok)
	require.Equal(t, dev, w.Shown(eu))
}

// What is in a new folder is above, although nobody has asked for it.
func TestFlatNewsOfAFolder(t *testing.T) {
	w := newWorld(flatten)
	w.folder(t, dev)
	before, err := w.Fetch(t.Context(), dev, nil)
	require.NoError(t, err)
	jobs := dev.Child("jobs")
	w.Set(jobs, "KEY", "v")
	w.Set(jobs.Child("eu"), "KEY", "w")
	after, err := w.Fetch(t.Context(), dev, nil)
	require.NoError(t, err)
	change := secret.Change{Dir: dev, Old: before, New: after}
	require.Equal(t, []secret.Dir{jobs}, w.Appeared(change))
	list, err := w.Look(t.Context(), jobs)
	require.NoError(t, err)
	got := map[string]string{}
	for _, above := range list {
		require.Equal(t, dev, above.Dir)
		require.Empty(t, above.Old.Secrets)
		maps.Copy(got, values(above.New))
	}
	require.Equal(t, map[string]string{"jobs__KEY": "v", "jobs__eu__KEY": "w"}, got)

	w.Fail(jobs, secret.ErrUnavailable)
	_, err = w.Look(t.Context(), jobs)
	require.ErrorIs(t, err, secret.ErrUnavailable)
	w.Fail(jobs, secret.ErrDenied)
	list, err = w.Look(t.Context(), jobs)
	require.NoError(t, err)
	require.Empty(t, list)

	change.Old = before.With(func(f *secret.Folder) { f.NoSubfolders = true })
	require.Empty(t, w.Appeared(change), "nobody knows what was there before")
	require.Empty(t, newWorld(func(*Config) {}).Appeared(secret.Change{Dir: dev, Old: before, New: after}), "it has a directory of its own")
}

// A denial takes away what the folder gave, and nothing else.
func TestFlatNewsOfADenial(t *testing.T) {
	w := newWorld(flatten)
	w.folder(t, dev)
	above, ok := w.Change(secret.Change{Dir: eu, Err: secret.ErrDenied})
	require.True(t, ok)
	require.NoError(t, above.Err)
	require.Equal(t, map[string]string{"payments__eu__iban": "(hidden)"}, values(above.New))
	require.Equal(t, map[string]string{"payments__eu__iban": ""}, values(above.Old))

	above, _ = w.Change(secret.Change{Dir: payments, Deep: true, Err: secret.ErrDenied})
	require.Len(t, above.New.Secrets, 2)

	all := secret.Change{Deep: true, Err: secret.ErrUnauthenticated}
	above, ok = w.Change(all)
	require.True(t, ok)
	require.Equal(t, all, above)
}

// Who has a secret open may have it under a name that the folder does not have any
// more, and others may have looked since the denial: it is taken away all the same.
func TestFlatNewsOfADenialThatOthersMetFirst(t *testing.T) {
	w := newWorld(flatten)
	w.folder(t, dev)
	w.Remove(eu, "iban")
	w.Set(eu, "bic", "FAKE")
	w.folder(t, dev)
	w.Fail(eu, secret.ErrDenied)
	require.Error(t, w.folder(t, dev).Denied)
	above, ok := w.Change(secret.Change{Dir: eu, Err: secret.ErrDenied})
	require.True(t, ok)
	require.Equal(t, map[string]string{"payments__eu__iban": "(hidden)", "payments__eu__bic": "(hidden)"}, values(above.New))
}

type sourceFunc func(context.Context, secret.Dir, secret.Need) (*secret.Folder, error)

func (f sourceFunc) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	return f(ctx, dir, need)
}
