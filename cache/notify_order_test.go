package cache_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// slowOnChange is a cache of two folders whose OnChange returns from changes of billing
// when released.
type slowOnChange struct {
	*testing.T
	*cache.Cache
	fake    *secrettest.Fake
	release func()
	heard   atomic.Int32 // revocations of payments
}

func withSlowNews(t *testing.T, test func(*slowOnChange)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &slowOnChange{T: t, fake: secrettest.NewFake()}
		w.fake.Set(payments, "KEY", "one")
		w.fake.Set(billing, "KEY", "two")
		block := make(chan struct{})
		w.release = sync.OnceFunc(func() { close(block) })
		w.Cache = cache.New(w.fake, cache.Config{Watch: cache.WatchOff, OnChange: func(change secret.Change) {
			if change.Dir == billing && change.Err == nil {
				<-block
			}
			if change.Dir == payments && (change.Err != nil || hidden(change.New)) {
				w.heard.Add(1)
			}
		}})
		defer w.Close()
		defer w.release()
		for _, dir := range []secret.Dir{payments, billing} {
			_, err := w.Folder(t.Context(), dir, secret.NeedProof)
			require.NoError(t, err)
		}
		w.fake.Set(billing, "KEY", "three")
		w.Expire()
		_, err := w.Folder(t.Context(), billing, secret.NeedProof)
		require.NoError(t, err)
		synctest.Wait() // its change is being told, and waits
		test(w)
	})
}

func hidden(folder *secret.Folder) bool {
	s, _ := folder.Secret("KEY")
	return s.Hidden
}

// Whoever is denied returns after those who show the folder have heard of it, and
// other changes do not hold that up.
func TestDenialIsHeardBeforeItsCaller(t *testing.T) {
	for _, err := range []error{secret.ErrDenied, secret.ErrUnauthenticated} {
		withSlowNews(t, func(w *slowOnChange) {
			w.fake.Fail(payments, err)
			if err == secret.ErrUnauthenticated {
				w.fake.FailAll(err)
			}
			_, got := w.Folder(w.Context(), payments, secret.NeedProof)
			require.ErrorIs(w, got, err)
			if err == secret.ErrDenied {
				require.EqualValues(w, 1, w.heard.Load())
			}
		})
	}
}

func TestHiddenValueIsHeardBeforeItsCaller(t *testing.T) {
	withSlowNews(t, func(w *slowOnChange) {
		w.fake.Put(payments, secret.Secret{Name: "KEY", Hidden: true, Reason: "no right"})
		f, err := w.Folder(w.Context(), payments, secret.NeedProof)
		require.NoError(w, err)
		require.True(w, hidden(f))
		require.EqualValues(w, 1, w.heard.Load())
	})
}

// Who comes while a denial is being told, or finds out by a write, waits
// for it as well.
func TestEveryoneWhoIsDeniedComesAfterTheNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := secrettest.NewFake()
		fake.Set(payments, "KEY", "one")
		var heard atomic.Bool
		c := cache.New(fake, cache.Config{Watch: cache.WatchOff, OnChange: func(change secret.Change) {
			time.Sleep(time.Second)
			heard.Store(true)
		}})
		defer c.Close()
		_, err := c.Folder(t.Context(), payments, secret.NeedProof)
		require.NoError(t, err)
		fake.FailAll(secret.ErrUnauthenticated)
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := c.Writer(fake.Writer()).Update(t.Context(), payments, "KEY", text("two"))
			require.ErrorIs(t, err, secret.ErrUnauthenticated)
			require.True(t, heard.Load())
		})
		synctest.Wait()
		require.False(t, heard.Load())
		callers.Go(func() {
			_, err := c.Folder(t.Context(), payments, secret.NeedEntry)
			require.ErrorIs(t, err, secret.ErrUnauthenticated)
			require.True(t, heard.Load())
		})
		brief, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = c.Folder(brief, payments, secret.NeedEntry)
		require.Error(t, err, "who gives up is not held")
		require.False(t, heard.Load())
		callers.Wait()
	})
}

// After a denial the folder's earlier changes are not told any more, and its later ones
// come behind.
func TestNewsOfADeniedFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := secrettest.NewFake()
		fake.Set(payments, "KEY", "one")
		fake.Set(billing, "KEY", "one")
		var mu sync.Mutex
		var told []string
		block := make(chan struct{})
		c := cache.New(fake, cache.Config{OnChange: func(change secret.Change) {
			if change.Dir == billing {
				<-block
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if change.Err != nil {
				told = append(told, "denied")
				return
			}
			s, _ := change.New.Secret("KEY")
			told = append(told, s.Value.Reveal())
		}})
		defer c.Close()
		ask := func(dir secret.Dir) {
			c.Expire()
			c.Folder(t.Context(), dir, secret.NeedProof)
		}
		ask(payments)
		ask(billing)
		fake.Set(billing, "KEY", "two")
		ask(billing)
		fake.Set(payments, "KEY", "two")
		ask(payments)
		fake.Fail(payments, secret.ErrDenied)
		ask(payments)
		fake.Fail(payments, nil)
		ask(payments)
		close(block)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, []string{"denied", "two"}, told)
	})
}

// blockedLog takes no line that says that the server does not answer.
type blockedLog struct {
	slog.Handler
	block chan struct{}
	lines *atomic.Int32
}

func (b blockedLog) Enabled(context.Context, slog.Level) bool { return true }

func (b blockedLog) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "does not answer") {
		<-b.block
	}
	b.lines.Add(1)
	return nil
}

// A log that nobody reads (Ctrl-S on the terminal) holds up nothing and does not grow.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := secrettest.NewFake()
		fake.Set(payments, "KEY", "one")
		fake.Set(billing, "KEY", "two")
		log := blockedLog{slog.DiscardHandler, make(chan struct{}), new(atomic.Int32)}
		var heard atomic.Int32
		c := cache.New(fake, cache.Config{Watch: cache.WatchOff, Log: slog.New(log), OnChange: func(change secret.Change) {
			if change.Err != nil {
				heard.Add(1)
			}
		}})
		for _, d := range []secret.Dir{payments, billing} {
			_, err := c.Folder(t.Context(), d, secret.NeedProof)
			require.NoError(t, err)
		}
		fake.Fail(billing, secret.ErrUnavailable)
		c.Expire()
		_, err := c.Folder(t.Context(), billing, secret.NeedEntry)
		require.NoError(t, err, "stale")
		synctest.Wait()
		for i := range 2000 {
			fake.Fail(payments, secret.ErrDenied)
			c.Expire()
			_, err = c.Folder(t.Context(), payments, secret.NeedProof)
			require.ErrorIs(t, err, secret.ErrDenied)
			require.EqualValues(t, i+1, heard.Load())
			fake.Fail(payments, nil)
			c.Expire()
			_, err = c.Folder(t.Context(), payments, secret.NeedProof)
			require.NoError(t, err)
		}
		began := time.Now()
		c.Close()
		require.LessOrEqual(t, time.Since(began), 2*time.Second)
		close(log.block)
		synctest.Wait()
		require.EqualValues(t, 1000, log.lines.Load())
	})
}
