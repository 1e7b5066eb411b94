package cache_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A value with references is shown expanded, which only the server can do.
func TestReferencesAreAskedFor(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		_, err := to.Update(w.Context(), payments, "KEY", text("see ${OTHER}"))
		must(w, err)
		w.fake.SetRaw(payments, "KEY", "see ${OTHER}")
		w.fake.Put(payments, secret.Secret{Name: "KEY", ID: "x", Version: 2, Value: text("see other")})
		require.Equal(w, "see other", w.value(payments, "KEY"))
	})
}

// The old value is gone for good once a change is acknowledged, even if the new
// one cannot be had; and nothing else is lost with it that could be known.
func TestNoOldValueInAnOutage(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		_, err := to.Update(w.Context(), payments, "KEY", text("${X}"))
		must(w, err)
		_, err = to.Update(w.Context(), billing, "KEY", text("plain"))
		must(w, err)
		w.fake.FailAll(secret.ErrUnavailable)
		w.fails(payments, secret.ErrUnavailable)
		require.Equal(w, "plain", w.value(billing, "KEY"))
		sleep(5 * time.Minute)
		w.fails(payments, secret.ErrUnavailable)
		require.Equal(w, "plain", w.value(billing, "KEY"), "stale, but not old")
		require.True(w, w.get(billing, secret.NeedEntry).Stale)
	})
}

// tagging is an Upstream with tags made of the content, as servers make them.
type tagging struct{ secret.Upstream }

func (u tagging) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	f, err := u.Upstream.Fetch(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	var tag strings.Builder
	for _, s := range f.Secrets {
		tag.WriteString(s.Name + "=" + s.Value.Reveal() + "\n")
	}
	if known != nil && known.Revision == tag.String() {
		return known.With(func(k *secret.Folder) { k.Fetched = f.Fetched }), nil
	}
	return f.With(func(f *secret.Folder) { f.Revision = tag.String() }), nil
}

// What somebody else has undone carries the tag that the snapshot had before it
// was edited. "Not modified" must not confirm the edited one.
func TestUndoneByOthers(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		c := cache.New(tagging{w.fake}, cache.Config{Watch: cache.WatchOff})
		defer c.Close()
		ask := func() *secret.Folder {
			folder, err := c.Folder(w.Context(), payments, secret.NeedProof)
			must(w, err)
			return folder
		}
		ask()
		_, err := c.Writer(w.fake.Writer()).Create(w.Context(), payments, "NEW", text("new"))
		must(w, err)
		require.Len(w, ask().Secrets, 2)
		w.fake.Remove(payments, "NEW")
		sleep(2 * time.Minute)
		require.Len(w, ask().Secrets, 1)
	})
}

// shut is an Upstream that lists no secrets.
type shut struct{ secret.Upstream }

func (u shut) Fetch(ctx context.Context, dir secret.Dir, _ *secret.Folder) (*secret.Folder, error) {
	f, err := u.Upstream.Fetch(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	return f.With(func(f *secret.Folder) { f.Secrets, f.Denied = nil, secret.ErrDenied }), nil
}

// Who may create and not list is not shown what he created.
func TestWritingIntoAShutFolder(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		c := cache.New(shut{w.fake}, cache.Config{Watch: cache.WatchOff})
		defer c.Close()
		for range 2 {
			folder, err := c.Folder(w.Context(), payments, secret.NeedProof)
			must(w, err)
			require.ErrorIs(w, folder.Denied, secret.ErrDenied)
			require.Empty(w, folder.Secrets)
			c.Writer(w.fake.Writer()).Create(w.Context(), payments, "NEW", text("new"))
		}
	})
}

func TestAChangeEndsAnOutage(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		sleep(2 * time.Minute)
		w.fake.FailAll(secret.ErrUnavailable)
		w.value(billing, "KEY")
		require.NotZero(w, w.Stats().StaleSince)
		w.fake.FailAll(nil)
		_, err := to.Update(w.Context(), payments, "KEY", text("two"))
		must(w, err)
		require.Zero(w, w.Stats().StaleSince)
	})
}

// Somebody else's version in between: the rest of the snapshot may be old too.
func TestVersionsInBetween(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		w.fake.Set(payments, "KEY", "theirs")
		w.fake.Set(payments, "THEIRS", "new")
		_, err := to.Update(w.Context(), payments, "KEY", text("ours"))
		must(w, err)
		require.Equal(w, "ours", w.value(payments, "KEY"))
		require.Equal(w, "new", w.value(payments, "THEIRS"))
	})
}

// What is not the folder's own shared secret is not ours to guess.
func TestWhatIsShownIsNotWhatIsWritten(t *testing.T) {
	for name, shown := range map[string]secret.Secret{
		"personal": {Name: "KEY", ID: "p", Version: 1, Value: text("mine"), Personal: true},
		"hidden":   {Name: "KEY", ID: "h", Version: 1, Hidden: true, Reason: "may not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			writing(t, func(w *world, _ secret.Writer) {
				w.fake.Put(payments, shown)
				w.Expire()
				w.get(payments, secret.NeedProof)
				to := w.Writer(answers{Writer: w.fake.Writer(), secret: secret.Secret{Name: "KEY", ID: shown.ID, Version: 2, Value: text("shared")}})
				_, err := to.Update(w.Context(), payments, "KEY", text("shared"))
				must(w, err)
				require.Equal(w, 1, w.calls(func() {
					s, _ := w.get(payments, secret.NeedEntry).Secret("KEY")
					require.Equal(w, shown.Value.Reveal(), s.Value.Reveal())
					require.Equal(w, shown.Hidden, s.Hidden)
				}).All())
			})
		})
	}
}

// answers is a Writer whose updates change nothing and say that they did.
type answers struct {
	secret.Writer
	secret secret.Secret
}

func (a answers) Update(context.Context, secret.Dir, string, secret.Value) (secret.Secret, error) {
	return a.secret, nil
}

func TestFailedChanges(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		w.fake.FailWritesLate(secrettest.KindUpdate, secret.ErrTimeout)
		_, err := to.Update(w.Context(), payments, "KEY", text("two"))
		require.ErrorIs(w, err, secret.ErrTimeout)
		require.Equal(w, 1, w.calls(func() { require.Equal(w, "two", w.value(payments, "KEY"), "asked") }).All())

		w.fake.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
		_, err = to.Update(w.Context(), payments, "KEY", text("three"))
		require.ErrorIs(w, err, secret.ErrUnavailable)
		w.fake.FailAll(secret.ErrUnavailable)
		require.Equal(w, "two", w.value(payments, "KEY"), "nothing was acknowledged: what is known may be shown")
		w.fake.FailAll(nil)
		sleep(time.Hour)
		w.value(payments, "KEY")

		for _, certain := range []error{secret.ErrInvalid, secret.ErrTooLarge, secret.ErrDenied, secret.ErrRateLimited} {
			w.fake.FailWrites(secrettest.KindUpdate, certain)
			_, err = to.Update(w.Context(), payments, "KEY", text("three"))
			require.ErrorIs(w, err, certain)
			require.Zero(w, w.calls(func() { w.value(payments, "KEY") }).All(), "%v", certain)
		}
		w.fake.FailWrites(secrettest.KindDeleteFolder, secret.ErrNotEmpty)
		require.ErrorIs(w, to.DeleteFolder(w.Context(), dev, "payments"), secret.ErrNotEmpty)
		require.Equal(w, 1, w.calls(func() { w.value(payments, "KEY") }).All(), "somebody put something there")
	})
}

// Credentials that a change finds worthless are worthless for reading.
func TestLoggedOutByAChange(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		w.fake.FailWrites(secrettest.KindUpdate, secret.ErrUnauthenticated)
		_, err := to.Update(w.Context(), payments, "KEY", text("two"))
		require.ErrorIs(w, err, secret.ErrUnauthenticated)
		w.fails(payments, secret.ErrUnauthenticated)
		w.fails(billing, secret.ErrUnauthenticated)
		changes := w.changes()
		require.ErrorIs(w, changes[len(changes)-1].Err, secret.ErrUnauthenticated)
	})
}

// What Stored finds out by the way is not forgotten.
func TestStoredNoticesChanges(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		_, err := to.Stored(w.Context(), payments, "KEY")
		must(w, err)
		require.Zero(w, w.calls(func() { w.value(payments, "KEY") }).All())
		w.changes()
		w.fake.Set(payments, "KEY", "theirs")
		s, err := to.Stored(w.Context(), payments, "KEY")
		must(w, err)
		require.Equal(w, "theirs", s.Value.Reveal())
		require.NotEmpty(w, w.changes())
		require.Equal(w, "theirs", w.value(payments, "KEY"))
		w.fake.Remove(payments, "KEY")
		_, err = to.Stored(w.Context(), payments, "KEY")
		require.ErrorIs(w, err, secret.ErrNotFound)
		require.Empty(w, w.lists(payments))
	})
}
