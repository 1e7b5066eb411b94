package transport

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// waiting is an operation that may wait so long for the rate limit.
func waiting(t *testing.T, rateWait time.Duration) context.Context {
	ctx, end := withDeadline(t.Context(), 10*time.Second, rateWait)
	t.Cleanup(end)
	return ctx
}

// limited is a refusal by the rate limit, of a current server.
func limited(retryAfter string) *Response {
	return &Response{status: 429, header: http.Header{"Retry-After": {retryAfter}}}
}

func told(status, limit, remaining, reset int) *Response {
	h := http.Header{}
	h.Set("X-Ratelimit-Limit", strconv.Itoa(limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Ratelimit-Reset", strconv.Itoa(reset))
	return &Response{status: status, header: h}
}

func TestGateWaitsForTheNextWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.learn("secret", told(200, 40, 2, 30), time.Now())
		ctx := waiting(t, 65*time.Second)
		began := time.Now()
		for range 2 {
			require.NoError(t, g.wait(ctx, "secret"))
		}
		require.Zero(t, time.Since(began))
		require.NoError(t, g.wait(ctx, "secret"))
		require.GreaterOrEqual(t, time.Since(began), 30*time.Second)
		require.Less(t, time.Since(began), 31*time.Second)
		require.NoError(t, g.wait(ctx, "read"), "another budget is not concerned")
	})
}

func TestGateHonoursRetryAfterInBothForms(t *testing.T) {
	for _, status := range []int{429, 500} {
		synctest.Test(t, func(t *testing.T) {
			g := NewGate()
			g.learn("secret", &Response{status: status, header: http.Header{"Retry-After": {"17"}, "X-Ratelimit-Remaining": {"0"}}}, time.Now())
			ctx := waiting(t, 65*time.Second)
			began := time.Now()
			require.NoError(t, g.wait(ctx, "secret"))
			require.GreaterOrEqual(t, time.Since(began), 17*time.Second)
			require.Less(t, time.Since(began), 18*time.Second)
		})
	}
}

func TestGateRefusesAtOnceWhatWouldWaitTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.learn("secret", limited("30"), time.Now())
		ctx := waiting(t, 10*time.Second)
		began := time.Now()
		require.ErrorIs(t, g.wait(ctx, "secret"), secret.ErrRateLimited)
		require.Zero(t, time.Since(began))
	})
}

func TestGateKeepsAQuarterForPeopleWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.learn("secret", told(200, 40, 11, 60), time.Now())
		ctx := waiting(t, 65*time.Second)
		behind := secret.Background(ctx)
		require.NoError(t, g.wait(behind, "secret"))
		require.ErrorIs(t, g.wait(behind, "secret"), secret.ErrRateLimited)
		for range 10 {
			require.NoError(t, g.wait(ctx, "secret"))
		}
	})
}

// Background work has half of a window, however much is left.
func TestGateKeepsHalfFromBackgroundWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.learn("secret", told(200, 40, 40, 60), time.Now())
		behind := secret.Background(waiting(t, 65*time.Second))
		for range 2 {
			for range 20 {
				require.NoError(t, g.wait(behind, "secret"))
			}
			require.ErrorIs(t, g.wait(behind, "secret"), secret.ErrRateLimited)
			require.NoError(t, g.wait(waiting(t, 0), "secret"))
			time.Sleep(time.Minute)
		}
	})
}

func TestGateNoticesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		ask := func(remaining, reset int) {
			require.NoError(t, g.wait(waiting(t, 0), "secret"))
			g.learn("secret", told(200, 60, remaining, reset), time.Now())
		}
		require.False(t, g.isCrowded())
		ask(59, 60)
		time.Sleep(30 * time.Second)
		for i := range 30 {
			ask(58-i, 30)
			require.False(t, g.isCrowded(), "it is all our own use")
		}
		ask(18, 30) // ten of others within half of the window
		require.True(t, g.isCrowded())
		time.Sleep(time.Minute)
		require.False(t, g.isCrowded(), "nothing is known of this window")
		ask(57, 58)
		require.False(t, g.isCrowded(), "two of others are not many")
		g.learn("read", limited("10"), time.Now())
		require.True(t, g.isCrowded(), "refused out of the blue")
	})
}

func TestGateWaitEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.learn("secret", limited("60"), time.Now())
		ctx, cancel := context.WithTimeout(waiting(t, 65*time.Second), time.Second)
		defer cancel()
		require.ErrorIs(t, g.wait(ctx, "secret"), context.DeadlineExceeded)
	})
}

func TestGateRefusesWhoWaitedAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx, began := NewGate(), waiting(t, 65*time.Second), time.Now()
		for range 2 {
			g.learn("secret", limited("30"), time.Now())
			require.NoError(t, g.wait(ctx, "secret"))
		}
		g.learn("secret", limited("30"), time.Now())
		require.ErrorIs(t, g.wait(ctx, "secret"), secret.ErrRateLimited, "the bound is the operation's, not the request's")
		require.Less(t, time.Since(began), 65*time.Second)
	})
}

// Those who waited for a window must not all go in its first instant.
func TestGateTakesANewWindowForTheSameAsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.learn("secret", told(200, 40, 0, 30), time.Now())
		var sent atomic.Int32
		for range 50 {
			go func() {
				if g.wait(waiting(t, 65*time.Second), "secret") == nil {
					sent.Add(1)
				}
			}()
			synctest.Wait()
		}
		require.Zero(t, sent.Load())
		time.Sleep(31 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 40, sent.Load())
	})
}

func TestGateLearnsFromAnswersInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := NewGate(), time.Now()
		g.learn("secret", told(200, 40, 5, 50), began)
		time.Sleep(8 * time.Second) // an answer that took its time is no new window
		g.learn("secret", told(200, 40, 30, 50), began)
		require.Equal(t, 5, g.buckets["secret"].remaining)
		time.Sleep(50 * time.Second)
		g.learn("secret", told(200, 40, 39, 60), time.Now())
		require.Equal(t, 39, g.buckets["secret"].remaining)
		g.learn("secret", told(200, 300, 299, 60), time.Now())
		require.Equal(t, 299, g.buckets["secret"].remaining, "the administrator changed the limit")
	})
}

// A flight of the cache turns to background work when its callers have left.
func TestGateAsksAnewWhetherAnybodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.learn("secret", told(200, 40, 0, 30), time.Now())
		ctx := fickle{waiting(t, 65*time.Second), new(atomic.Bool)}
		time.AfterFunc(time.Second, func() { ctx.behind.Store(true) })
		time.AfterFunc(2*time.Second, func() { g.learn("secret", limited("40"), time.Now()) })
		began := time.Now()
		require.ErrorIs(t, g.wait(ctx, "secret"), secret.ErrRateLimited)
		require.Less(t, time.Since(began), 31*time.Second)
	})
}

type fickle struct {
	context.Context
	behind *atomic.Bool
}

func (f fickle) Value(key any) any {
	if f.behind.Load() {
		return secret.Background(f.Context).Value(key)
	}
	return f.Context.Value(key)
}

func TestRateLimitHeadersOfStrangers(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	date := func(at time.Time) string { return at.UTC().Format(http.TimeFormat) }
	for text, want := range map[string]time.Duration{
		"17": 17 * time.Second, "0": time.Second, "0.5": time.Second, "": window, "soon": window, "-3": window, "NaN": window,
		"Inf": longestWait, "1e300": longestWait, "31536000": longestWait, "1800000020": 20 * time.Second, "1700000000": time.Second,
		date(now.Add(20 * time.Second)): 20 * time.Second, date(now.Add(-time.Hour)): time.Second,
	} {
		require.Equal(t, want, retryAfter(http.Header{"Retry-After": {text}}, now), text)
	}
	skewed := http.Header{"Retry-After": {date(now.Add(time.Hour))}, "Date": {date(now.Add(time.Hour - 9*time.Second))}}
	require.Equal(t, 9*time.Second, retryAfter(skewed, now), "by the server's own clock")

	for _, reset := range []string{"", "x", "NaN", "-1"} {
		_, ok := budgetOf(http.Header{"X-Ratelimit-Limit": {"40"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {reset}}, now)
		require.False(t, ok, reset)
	}
	_, ok := budgetOf(told(200, 0, 0, 60).header, now)
	require.False(t, ok, "a limit of nothing is none")
}

func TestDeadlineIsPausedByTheRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := withDeadline(t.Context(), 10*time.Second, time.Hour)
		defer end()
		w := deadlineOf(ctx)
		time.Sleep(6 * time.Second)
		require.True(t, w.pause(time.Hour))
		time.Sleep(30 * time.Minute)
		require.True(t, w.pause(30*time.Minute), "another request of the operation")
		require.False(t, w.pause(31*time.Minute))
		time.Sleep(30 * time.Minute)
		w.resume()
		w.resume()
		require.False(t, w.pause(time.Second), "the bound is used up")
		require.NoError(t, ctx.Err())
		time.Sleep(5 * time.Second)
		require.ErrorIs(t, context.Cause(ctx), secret.ErrTimeout)
	})
}
