package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

func TestPollsSlowDownWhileOthersUseTheLimit(t *testing.T) {
	watching(t, cache.Config{Watch: cache.WatchAlways}, func(w *world) {
		w.value(payments, "KEY")
		sleep(10 * time.Minute)
		require.Equal(w, 60.0, w.Stats().Watch.IntervalSeconds)
		w.fake.Crowd(true)
		sleep(16 * time.Minute) // 1, 2, 4 and 8 minutes
		require.Equal(w, 900.0, w.Stats().Watch.IntervalSeconds)
		require.LessOrEqual(w, w.calls(func() { sleep(2 * time.Hour) }).All(), 9)
		require.Equal(w, 900.0, w.Stats().Watch.IntervalSeconds)
		w.fake.Crowd(false)
		sleep(15 * time.Minute)
		require.Equal(w, 60.0, w.Stats().Watch.IntervalSeconds)
		require.InDelta(w, 10, w.calls(func() { sleep(10 * time.Minute) }).All(), 1)
	})
}

// Several rounds within one interval are one reason to slow down.
func TestManyEnvironmentsDoNotSlowDownSooner(t *testing.T) {
	watching(t, cache.Config{Watch: cache.WatchAlways}, func(w *world) {
		w.fake.Crowd(true)
		for _, env := range []string{"a", "b", "c", "d", "e", "f"} {
			dir := secret.Dir{Project: "demo", Env: env, Path: "/"}
			w.fake.Set(dir, "KEY", "value")
			w.get(dir, secret.NeedProof)
			sleep(10 * time.Second)
		}
		sleep(30 * time.Second)
		require.Equal(w, 120.0, w.Stats().Watch.IntervalSeconds)
	})
}

// Refusals by the rate limit are no outage and no failure: nobody waited.
func TestTooManyRequestsForTenMinutes(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.value(billing, "KEY")
		sleep(30 * time.Second)
		w.fake.FailAll(secret.ErrRateLimited)
		w.fake.Crowd(true)
		w.fake.Set(payments, "KEY", "new")
		calls := w.calls(func() { sleep(10 * time.Minute) })
		require.LessOrEqual(w, calls.All(), 4)
		require.Empty(w, w.changes())
		require.Zero(w, w.Stats().StaleSince)
		require.Nil(w, w.Stats().LastError)
		require.True(w, w.get(payments, secret.NeedEntry).Stale, "whoever looks is told")
		sleep(6 * time.Minute)
		w.fails(payments, secret.ErrRateLimited) // past MaxStale

		w.fake.FailAll(nil)
		w.fake.Crowd(false)
		sleep(17 * time.Minute)
		require.Len(w, w.changes(), 1)
		require.Equal(w, "new", w.value(payments, "KEY"))
	})
}

// One request finds out that the server is away; then polls rest.
func TestOutageIsNotPolledFolderByFolder(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.fake.Inexact(true)
		dirs := w.wide()
		for _, dir := range dirs {
			w.get(dir, secret.NeedProof)
		}
		sleep(time.Minute)
		w.fake.FailAll(secret.ErrUnavailable)
		calls := w.calls(func() { sleep(20 * time.Minute) })
		require.LessOrEqual(w, calls.All(), 22)
		require.NotZero(w, w.Stats().StaleSince)
		require.Empty(w, w.changes())
		require.Equal(w, 100, w.Stats().Watch.Folders)
		w.fake.FailAll(nil)
		w.fake.Set(dirs[3], "KEY", "new")
		sleep(2 * time.Minute)
		require.Len(w, w.changes(), 1)
		require.Zero(w, w.Stats().StaleSince)
	})
}

// Each poll takes longer than the interval: the next waits for it.
func TestPollThatTakesLongerThanItsInterval(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		w.fake.Delay(5 * time.Minute)
		requests := len(w.fake.Requests())
		sleep(30 * time.Minute)
		polls := w.fake.Requests()[requests:]
		require.InDelta(w, 5, len(polls), 1)
		for i := 1; i < len(polls); i++ {
			require.GreaterOrEqual(w, polls[i].At.Sub(polls[i-1].At), 5*time.Minute)
		}
		require.Empty(w, w.changes())
	})
}

func TestHangingPollDoesNotHoldUpClose(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.fake.Hang(true)
		sleep(10 * time.Minute)
		require.EqualValues(w, 1, w.Stats().Watch.Polls)
		w.quick(w.Close)
	})
}

// A caller joins a poll instead of asking again.
func TestCallerJoinsAPoll(t *testing.T) {
	watching(t, cache.Config{TTL: 10 * time.Second}, func(w *world) {
		w.value(payments, "KEY")
		sleep(50 * time.Second)
		w.fake.Delay(20 * time.Second)
		sleep(10 * time.Second)
		require.EqualValues(w, 1, w.Stats().Watch.Polls)
		require.Zero(w, w.calls(func() { w.value(payments, "KEY") }).All())
	})
}

// Own answers that are newer than a bulk poll under way win.
func TestPollIsOvertakenByAnAnswer(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		sleep(50 * time.Second)
		w.fake.Delay(20 * time.Second)
		sleep(10 * time.Second) // the poll is answered, and the answer on its way
		w.fake.Delay(0)
		w.fake.Set(payments, "KEY", "new")
		w.Expire()
		w.get(payments, secret.NeedProof)
		require.Len(w, w.changes(), 1)
		sleep(20 * time.Second)
		require.EqualValues(w, 1, w.Stats().Watch.Polls)
		require.Empty(w, w.changes())
		require.Equal(w, "new", w.value(payments, "KEY"))
	})
}

// wrongClock is an Upstream whose answers bear times of another clock.
type wrongClock struct {
	secret.Upstream
	skew time.Duration
}

func (u *wrongClock) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	folder, err := u.Upstream.Fetch(ctx, dir, known)
	if err != nil {
		return nil, err
	}
	return folder.With(func(f *secret.Folder) { f.Fetched = time.Now().Round(0).Add(u.skew) }), nil
}

func TestClockThatJumps(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		up := &wrongClock{w.fake, 0}
		c := cache.New(up, cache.Config{Watch: cache.WatchAlways})
		defer c.Close()
		_, err := c.Folder(w.Context(), payments, secret.NeedEntry)
		require.NoError(w, err)
		for _, skew := range []time.Duration{-100 * 24 * time.Hour, 100 * 24 * time.Hour, 0} {
			up.skew = skew
			require.InDelta(w, 60, w.calls(func() { sleep(time.Hour) }).All(), 8)
		}
	})
}

// noTags is a server whose answers carry no tag, or lose it on the way.
type noTags struct{ secret.Upstream }

func (u noTags) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	folder, err := u.Upstream.Fetch(ctx, dir, nil)
	if err == nil {
		folder = folder.With(func(f *secret.Folder) { f.Revision = "" })
	}
	return folder, err
}

func (u noTags) Tree(ctx context.Context, dir secret.Dir, known []*secret.Folder) ([]*secret.Folder, error) {
	folders, err := u.Upstream.Tree(ctx, dir, nil)
	for _, f := range folders {
		f.Revision = ""
	}
	return folders, err
}

func TestTagsThatVanish(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		changes := 0
		c := cache.New(noTags{w.fake}, cache.Config{OnChange: func(secret.Change) { changes++ }})
		defer c.Close()
		for _, dir := range []secret.Dir{payments, billing} {
			_, err := c.Folder(w.Context(), dir, secret.NeedProof)
			require.NoError(w, err)
		}
		calls := w.calls(func() { sleep(30 * time.Minute) })
		require.InDelta(w, 32, calls.Tree, 2)
		require.Zero(w, calls.Fetch+calls.Conditional)
		synctest.Wait()
		require.Zero(w, changes)
	})
}

// sameAgain is a server that confirms whatever it is asked to confirm.
type sameAgain struct{ secret.Upstream }

func (u sameAgain) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	if known == nil || known.Revision == "" {
		return u.Upstream.Fetch(ctx, dir, nil)
	}
	return known.With(func(f *secret.Folder) { f.Fetched = time.Now() }), nil
}

func TestServerThatConfirmsEverything(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		changes := 0
		c := cache.New(sameAgain{w.fake}, cache.Config{OnChange: func(secret.Change) { changes++ }})
		defer c.Close()
		_, err := c.Folder(w.Context(), payments, secret.NeedProof)
		require.NoError(w, err)
		w.fake.Set(payments, "KEY", "new")
		sleep(17 * time.Minute)
		synctest.Wait()
		require.Equal(w, 1, changes, "believed for fifteen minutes")
	})
}

// A change of our own is not told once more by the next poll.
func TestOwnChangeIsNotPolledAsNews(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		sleep(2 * time.Minute)
		writer := w.Writer(w.fake.Writer())
		_, err := writer.Update(w.Context(), payments, "KEY", secret.NewValue("mine"))
		require.NoError(w, err)
		require.Len(w, w.changes(), 1)
		calls := w.calls(func() { sleep(3 * time.Minute) })
		require.Empty(w, w.changes())
		require.InDelta(w, 3, calls.Tree, 1)
		require.Zero(w, calls.Fetch)
	})
}
