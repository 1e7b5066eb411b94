package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A right that was given shows after a refresh, for writing as well.
func TestRefreshForgetsDenials(t *testing.T) {
	w, k := alone(t, func(c *Config) { c.Refresh = func() error { return nil } })
	w.FailWrites(secrettest.KindUpdate, secret.ErrDenied)
	require.Equal(t, syscall.EACCES, fusetest.WriteFile(k, "demo/dev/GREETING", "v"))
	w.FailWrites(secrettest.KindUpdate, nil)
	f, err := k.Open(".infisicalfs/refresh", syscall.O_WRONLY)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("1"), 0)
	require.NoError(t, err)
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING", "v"))
}
