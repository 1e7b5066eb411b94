package transport

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// Each answer counts as one thing, and only one that was of use is the last.
func TestStats(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	s, c := secure(t, false, nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	ask := func() {
		c.attempt(inOperation(t), Request{Op: "test", Method: http.MethodGet, Path: "/x", ETag: "y"}, secret.Value{}, 1)
	}
	ask()
	last := c.Stats().LastAnswer
	require.WithinDuration(t, time.Now(), last, time.Minute)
	for _, status = range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError} {
		ask()
	}
	now := c.Stats()
	require.Equal(t, last, now.LastAnswer)
	require.Equal(t, []int64{5, 2, 1, 1, 0}, []int64{now.Total, now.Denied, now.Limited, now.Failed, now.Unanswered})
	for _, status = range []int{http.StatusNotFound, http.StatusNotModified} {
		ask()
	}
	now = c.Stats()
	require.True(t, now.LastAnswer.After(last))
	require.EqualValues(t, 1, now.NotModified)
	require.NoError(t, c.LogIn(t.Context()))
	require.Equal(t, Logins{Succeeded: 1}, c.Stats().Logins)

	s.Close()
	ask()
	now = c.Stats()
	require.Equal(t, []int64{2, 1}, []int64{now.Failed, now.Unanswered})
	require.Error(t, c.Become(t.Context(), byName{}))
	require.Equal(t, Logins{Succeeded: 1, Failed: 1}, c.Stats().Logins)
}
