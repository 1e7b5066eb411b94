package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// What the server has done although its answer was lost has taken a value away.
func TestValuesThatMayBeGoneAreKept(t *testing.T) {
	t.Run("removed", func(t *testing.T) {
		w, k := alone(t)
		w.FailWritesLate(secrettest.KindDelete, secret.ErrTimeout)
		require.Equal(t, syscall.ETIMEDOUT, k.Unlink("demo/dev/GREETING"))
		_, ok := w.Own(dev, "GREETING")
		require.False(t, ok)
		require.Equal(t, "hello, world", w.rejectedTexts()["GREETING.1"])
	})
	t.Run("replaced", func(t *testing.T) {
		w, k := alone(t)
		w.Set(dev, "NEW", "new")
		w.FailWritesLate(secrettest.KindUpdate, secret.ErrTimeout)
		require.Equal(t, syscall.ETIMEDOUT, k.Rename("demo/dev/NEW", "demo/dev/GREETING"))
		w.requireValue(t, dev, "GREETING", "new")
		require.Equal(t, "hello, world", w.rejectedTexts()["GREETING.1"])
	})
	t.Run("refused", func(t *testing.T) {
		w, k := alone(t)
		w.FailWrites(secrettest.KindDelete, secret.ErrDenied)
		require.Equal(t, syscall.EACCES, k.Unlink("demo/dev/GREETING"))
		require.Empty(t, w.rejectedTexts())
	})
}
