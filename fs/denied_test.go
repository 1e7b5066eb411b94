package fs

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// A folder whose secrets may not be listed can be walked through, as a directory
// with x but not r, and never looks empty.
func TestAFolderThatMayNotBeListedCanBeEntered(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			f, err := w.Folder(ctx, dir, need)
			if err == nil && dir == dev {
				f = f.With(func(f *secret.Folder) { f.Secrets, f.Denied = nil, fmt.Errorf("list: %w", secret.ErrDenied) })
			}
			return f, err
		})
		text, err := fusetest.ReadFile(v, "demo/dev/payments/API_KEY")
		require.NoError(t, err)
		require.Equal(t, "not-a-real-key", text)
		_, err = v.Stat("demo/dev/payments")
		require.NoError(t, err)
		for _, name := range []string{"GREETING", "ABSENT"} {
			_, err = v.Stat("demo/dev/" + name)
			require.Equal(t, syscall.EACCES, err, "nobody said that it does not exist")
		}
		_, err = v.ReadDir("demo/dev")
		require.Equal(t, syscall.EACCES, err)
	})
}

// Nothing may be known of a folder, not even which folders are in it: one of them that may be
// seen is reached by its name.
func TestAFolderBelowOneThatIsRefusedAltogether(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Fail(dev, secret.ErrDenied)
		text, err := fusetest.ReadFile(v, "demo/dev/payments/API_KEY")
		require.NoError(t, err)
		require.Equal(t, "not-a-real-key", text)
		info, err := v.Stat("demo/dev/payments")
		require.NoError(t, err)
		require.True(t, info.IsDir())
		for _, name := range []string{"GREETING", "ABSENT", ".env"} {
			_, err = v.Stat("demo/dev/" + name)
			require.Equal(t, syscall.EACCES, err, "nobody said that it does not exist")
		}
		_, err = v.Stat("demo/dev/payments/ABSENT")
		require.Equal(t, syscall.ENOENT, err)
		_, err = v.ReadDir("demo/dev")
		require.Equal(t, syscall.EACCES, err)

		w.Fail(payments, secret.ErrUnavailable)
		_, err = v.Stat("demo/dev/payments")
		require.Equal(t, syscall.EIO, err, "a failure is no refusal")
		w.Fail(payments, secret.ErrDenied)
		_, err = v.Stat("demo/dev/payments")
		require.Equal(t, syscall.EACCES, err)
	})
}
