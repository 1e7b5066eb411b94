package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// surveying is writing with a cache that finds out what is stored: in payments URL
// refers to KEY, billing refers to nothing.
func surveying(t *testing.T, test func(w *world, to secret.Writer)) {
	t.Helper()
	var to *secrettest.FakeWriter
	stored := func(ctx context.Context, dir secret.Dir) ([]secret.Secret, error) { return to.StoredBelow(ctx, dir) }
	bubble(t, cache.Config{Stored: stored}, func(w *world) {
		to = w.fake.Writer()
		w.fake.Set(payments, "URL", "one@db")
		w.fake.SetRaw(payments, "URL", "${KEY}@db")
		for _, dir := range []secret.Dir{dev, payments, billing} {
			w.get(dir, secret.NeedProof)
		}
		test(w, w.Writer(to))
	})
}

func (w *world) surveys() (n int) {
	for _, r := range w.fake.Requests() {
		if r.Kind == secrettest.KindStoredBelow {
			n++
		}
	}
	return n
}

// Nothing is asked for until it matters, and then once for many callers.
func TestOneSurveyForMany(t *testing.T) {
	surveying(t, func(w *world, to secret.Writer) {
		for _, value := range []string{"two", "three"} {
			_, err := to.Update(w.Context(), payments, "KEY", text(value))
			must(w, err)
		}
		synctest.Wait()
		require.Zero(w, w.surveys())
		w.fake.Delay(time.Second)
		calls := w.calls(func() {
			for range 20 {
				go w.get(billing, secret.NeedEntry)
				go w.get(payments, secret.NeedEntry)
			}
			sleep(time.Minute / 2)
		})
		require.Equal(w, 1, w.surveys())
		require.Equal(w, secrettest.Calls{Fetch: 1}, calls, "payments alone, in full")
		w.fake.Delay(0)
		require.Zero(w, w.calls(func() { w.get(dev, secret.NeedEntry) }).All())
	})
}

// Who does not want to wait any longer for a survey does not have to.
func TestSurveyThatHangs(t *testing.T) {
	surveying(t, func(w *world, to secret.Writer) {
		_, err := to.Update(w.Context(), payments, "KEY", text("two"))
		must(w, err)
		w.fake.Hang(true)
		_, err = w.Folder(timeout(w, time.Second), payments, secret.NeedEntry)
		require.ErrorIs(w, err, context.DeadlineExceeded)
		w.fake.Hang(false)
		sleep(time.Second)
		w.get(payments, secret.NeedEntry)
		require.Equal(w, 1, w.surveys())
	})
}

// If the server is away the survey is not repeated for each folder: what is known is
// shown as stale.
func TestSurveyInAnOutage(t *testing.T) {
	for _, fault := range []error{secret.ErrUnavailable, secret.ErrTimeout} {
		surveyFails(t, fault)
	}
}

func surveyFails(t *testing.T, fault error) {
	surveying(t, func(w *world, to secret.Writer) {
		_, err := to.Update(w.Context(), payments, "KEY", text("two"))
		must(w, err)
		w.fake.FailAll(fault)
		w.quick(func() {
			for _, dir := range []secret.Dir{payments, billing, dev} {
				require.True(w, w.get(dir, secret.NeedEntry).Stale)
			}
		})
		require.Equal(w, 1, w.surveys())
		require.False(w, w.Stats().StaleSince.IsZero())
		w.fake.FailAll(nil)
		sleep(31 * time.Second)
		require.False(w, w.get(payments, secret.NeedEntry).Stale)
		require.Zero(w, w.Stats().StaleSince)
	})
}

// Where it may not be found out what is stored, whatever may refer to what was
// changed is asked for again.
func TestSurveyThatIsRefused(t *testing.T) {
	surveying(t, func(w *world, to secret.Writer) {
		w.fake.Set(billing, "OTHER", "one")
		w.fake.FailWrites(secrettest.KindStoredBelow, secret.ErrDenied)
		for range 3 {
			_, err := to.Update(w.Context(), billing, "KEY", text("two"))
			must(w, err)
			require.Equal(w, 1, w.calls(func() { w.get(payments, secret.NeedEntry) }).All())
		}
		require.Equal(w, 2, w.surveys(), "of the environment and of the folder, once within the ttl")
		require.Equal(w, "one", w.value(payments, "KEY"))

		w.fake.FailWrites(secrettest.KindStoredBelow, nil)
		w.Expire() // somebody may have been given the right
		for range 2 {
			w.get(payments, secret.NeedEntry)
			_, err := to.Update(w.Context(), billing, "OTHER", text("two"))
			must(w, err)
			w.get(payments, secret.NeedEntry)
		}
		require.Equal(w, 3, w.surveys())
	})
}

// Who may not list the environment finds out about the folders that he may.
func TestSurveyOfAFolder(t *testing.T) {
	surveying(t, func(w *world, to secret.Writer) {
		w.fake.Fail(dev, secret.ErrDenied)
		for i := range 3 {
			_, err := to.Update(w.Context(), payments, "KEY", text("two"))
			must(w, err)
			_, err = to.Update(w.Context(), billing, "KEY", text("two"))
			must(w, err)
			n := 0
			if i > 0 {
				n = w.surveys()
			}
			require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() {
				w.get(payments, secret.NeedEntry)
				w.get(billing, secret.NeedEntry)
			}), "payments refers to what was changed")
			if i > 0 {
				require.Equal(w, n, w.surveys())
			}
		}
		require.Equal(w, 2, w.surveys(), "of dev, which is refused, and of payments")
	})
}

// A denial of everything also forgets what values refer to.
func TestTextsArePurged(t *testing.T) {
	surveying(t, func(w *world, to secret.Writer) {
		change := func() {
			_, err := to.Update(w.Context(), payments, "KEY", text("two"))
			must(w, err)
			w.get(payments, secret.NeedEntry)
			w.get(billing, secret.NeedEntry)
		}
		change()
		change()
		require.Equal(w, 1, w.surveys())
		w.fake.FailAll(secret.ErrUnauthenticated)
		w.Expire()
		w.fails(billing, secret.ErrUnauthenticated)
		w.fake.FailAll(nil)
		sleep(10 * time.Second)
		w.get(payments, secret.NeedEntry)
		w.get(billing, secret.NeedEntry)
		change()
		require.Equal(w, 2, w.surveys())
	})
}
