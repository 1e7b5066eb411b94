package client

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func told(status, limit, remaining, reset int) *response {
	h := http.Header{}
	h.Set("X-Ratelimit-Limit", strconv.Itoa(limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Ratelimit-Reset", strconv.Itoa(reset))
	return &response{status: status, header: h}
}

func TestGateWaitsForTheNextWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(65 * time.Second)
		g.learn("secret", told(200, 40, 2, 30))
		began := time.Now()
		for range 2 {
			require.NoError(t, g.wait(t.Context(), "secret"))
		}
		require.Zero(t, time.Since(began))
		require.NoError(t, g.wait(t.Context(), "secret"))
		require.GreaterOrEqual(t, time.Since(began), 30*time.Second)
		require.Less(t, time.Since(began), 31*time.Second)
		require.NoError(t, g.wait(t.Context(), "read"), "another budget is not concerned")
	})
}

func TestGateHonoursRetryAfterInBothForms(t *testing.T) {
	for _, status := range []int{429, 500} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(65 * time.Second)
			g.learn("secret", &response{status: status, header: http.Header{"Retry-After": {"17"}}})
			began := time.Now()
			require.NoError(t, g.wait(t.Context(), "secret"))
			require.GreaterOrEqual(t, time.Since(began), 17*time.Second)
			require.Less(t, time.Since(began), 18*time.Second)
		})
	}
}

func TestGateRefusesAtOnceWhatWouldWaitTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10 * time.Second)
		g.learn("secret", &response{status: 429, header: http.Header{"Retry-After": {"30"}}})
		began := time.Now()
		require.ErrorIs(t, g.wait(t.Context(), "secret"), secret.ErrRateLimited)
		require.Zero(t, time.Since(began))
	})
}

func TestGateKeepsAQuarterForPeopleWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(65 * time.Second)
		g.learn("secret", told(200, 40, 11, 60))
		behind := secret.Background(t.Context())
		require.NoError(t, g.wait(behind, "secret"))
		require.ErrorIs(t, g.wait(behind, "secret"), secret.ErrRateLimited)
		for range 10 {
			require.NoError(t, g.wait(t.Context(), "secret"))
		}
	})
}

func TestGateWaitEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(65 * time.Second)
		g.learn("secret", &response{status: 429, header: http.Header{"Retry-After": {"60"}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, g.wait(ctx, "secret"), context.DeadlineExceeded)
	})
}

func TestDeadlineStandsStillInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Timeout: 10 * time.Second})
		require.NoError(t, err)
		ctx, end := c.begin(t.Context())
		defer end()
		time.Sleep(6 * time.Second)
		resume := pause(ctx)
		time.Sleep(time.Hour)
		resume()
		require.NoError(t, ctx.Err())
		time.Sleep(5 * time.Second)
		require.ErrorIs(t, context.Cause(ctx), secret.ErrTimeout)
	})
}
