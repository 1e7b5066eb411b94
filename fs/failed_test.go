package fs

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/failurelog"
	"infisicalfs/secret"
)

func TestFailuresAreCountedAndLoggedOncePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		for range 100 {
			require.Equal(t, syscall.EIO, w.failed("open", "/demo/dev/A", secret.ErrUnavailable))
		}
		require.Equal(t, 1, strings.Count(w.logs.String(), "operation failed"))
		require.Equal(t, syscall.EACCES, w.failed("open", "/demo/dev/A", secret.ErrDenied), "another kind has its own line")
		require.Equal(t, 2, strings.Count(w.logs.String(), "operation failed"))
		time.Sleep(failurelog.Every)
		w.failed("open", "/demo/dev/B", secret.ErrUnavailable)
		require.Contains(t, w.logs.String(), "path=/demo/dev/B errno=EIO error=\"server unavailable\" suppressed=99")
		require.Equal(t, map[string]uint64{"EIO": 101, "EACCES": 1}, w.Counts().Errors)
	})
}

func TestEverydayFailuresMakeNoNoise(t *testing.T) {
	w := newWorld()
	require.Equal(t, syscall.ENOENT, w.failed("lookup", "x", secret.ErrNotFound))
	require.Equal(t, syscall.EINTR, w.failed("lookup", "x", context.Canceled))
	require.Empty(t, w.logs.String())
	require.Empty(t, w.Counts().Errors)
}
