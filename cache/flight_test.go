package cache_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

func TestFiftyCallersMakeOneRequest(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Delay(time.Second)
		calls := w.calls(func() {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() { w.value(payments, "KEY") })
			}
			wg.Wait()
		})
		require.Equal(w, 1, calls.All())
		require.EqualValues(w, 50, w.Stats().Misses)
	})
}

func TestCallerWhoLeavesFailsOnlyItself(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Delay(3 * time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { // the first one, for whom the request is made
			_, err := w.Folder(timeout(w, time.Second), payments, secret.NeedEntry)
			require.ErrorIs(w, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		wg.Go(func() { require.Equal(w, "one", w.value(payments, "KEY")) })
		wg.Wait()
		require.Equal(w, 1, w.fake.Calls().All())
	})
}

func TestInterruptedAtOnce(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Hang(true)
		ctx, cancel := context.WithCancel(w.Context())
		time.AfterFunc(time.Millisecond, cancel)
		took := w.took(func() {
			_, err := w.Folder(ctx, payments, secret.NeedEntry)
			require.ErrorIs(w, err, context.Canceled)
		})
		require.Equal(w, time.Millisecond, took)
	})
}

func TestFlightOutlivesItsCallers(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Delay(2 * time.Second)
		_, err := w.Folder(timeout(w, time.Second), payments, secret.NeedEntry)
		require.Error(w, err)
		sleep(2 * time.Second)
		require.Zero(w, w.calls(func() { w.value(payments, "KEY") }).All())
	})
}

func TestRequestIsBackgroundWhenNobodyWaits(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		up := probed{w.fake, make(chan context.Context, 10)}
		c := cache.New(up, cache.Config{Watch: cache.WatchOff})
		defer c.Close()
		_, err := c.Folder(w.Context(), payments, secret.NeedEntry)
		require.NoError(w, err)
		<-up.ctx
		sleep(2 * time.Minute)

		w.fake.Delay(5 * time.Second)
		go c.Folder(w.Context(), payments, secret.NeedEntry)
		request := <-up.ctx
		synctest.Wait()
		require.False(w, secret.IsBackground(request))
		sleep(time.Second) // the caller is shown the stale copy and leaves
		synctest.Wait()
		require.True(w, secret.IsBackground(request))
		require.NoError(w, request.Err())
	})
}

func TestCloseEndsFlights(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Hang(true)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := w.entry(payments)
			require.ErrorIs(w, err, secret.ErrUnavailable)
			require.NotErrorIs(w, err, context.Canceled)
		})
		synctest.Wait()
		w.quick(w.Close)
		wg.Wait()
		w.fails(payments, secret.ErrUnavailable)
		require.Zero(w, w.Stats().Bytes)
		w.Close() // again
	})
}
