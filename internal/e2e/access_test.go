package e2e

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// patient mounts wait for the server's verdict however slow the machine is: with
// the usual second a stale answer might be shown in its place, as promised.
var patient = []string{"--ttl=1h", "--soft-deadline=1m"}

func read(m *mounted, path string) (string, error) {
	text, err := os.ReadFile(m.path(path))
	return string(text), err
}

// A right further down is not cut off by its absence above.
func TestARightBelowAForbiddenFolder(t *testing.T) {
	w := newWorld(t, devserver.Config{})
	w.edit(t, func(e *devserver.Editor) error {
		return errors.Join(
			e.Mkdir("demo", "prod", "/locked/open"), e.Set("demo", "prod", "/locked/open", "KEY", "yes"),
			e.Set("demo", "prod", "/locked", "OTHER", "no"),
			e.Hide("viewer", "demo", "prod", "/locked", "OTHER"))
	})
	m := w.mount(t, "viewer")
	text, err := read(m, "demo/prod/locked/open/KEY")
	require.NoError(t, err)
	require.Equal(t, "yes", text)
	_, err = read(m, "demo/prod/locked/OTHER")
	require.ErrorIs(t, err, syscall.EACCES)
	info, err := os.Stat(m.path("demo/prod/locked/OTHER"))
	require.NoError(t, err, "it may be known, not read")
	require.Zero(t, info.Size())
}

// Revoked means gone: after the next request that the server refuses, nothing
// of it is shown, also through files that are open.
func TestRevocation(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile})
		m := w.mount(t, "viewer", patient...)
		file, err := os.Open(m.path("demo/dev/payments/STRIPE_KEY"))
		require.NoError(t, err)
		defer file.Close()
		want, err := read(m, "demo/dev/GREETING")
		require.NoError(t, err)

		w.edit(t, func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "dev", "/payments") })
		m.refresh(t)
		_, err = read(m, "demo/dev/payments/STRIPE_KEY")
		require.ErrorIs(t, err, syscall.EACCES)
		_, err = file.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, syscall.EACCES)
		_, err = os.ReadDir(m.path("demo/dev/payments"))
		require.ErrorIs(t, err, syscall.EACCES)
		text, err := read(m, "demo/dev/GREETING")
		require.NoError(t, err, "the rest is not concerned")
		require.Equal(t, want, text)

		w.edit(t, func(e *devserver.Editor) error { return e.Allow("viewer") })
		m.refresh(t)
		_, err = read(m, "demo/dev/payments/STRIPE_KEY")
		require.NoError(t, err, "and back")

		sh(t, w.tmp, "grep -r . "+m.path("demo/dev")) // what a walk has shown, too
		w.edit(t, func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "dev", "/payments") })
		m.refresh(t)
		_, err = read(m, "demo/dev/payments/STRIPE_KEY")
		require.ErrorIs(t, err, syscall.EACCES)
	})
}

// The identity itself is taken away: its tokens die and its secret is changed.
func TestAnIdentityThatIsNoMore(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile})
		m := w.mount(t, "viewer", patient...)
		file, err := os.Open(m.path("demo/dev/GREETING"))
		require.NoError(t, err)
		defer file.Close()
		w.edit(t, func(e *devserver.Editor) error {
			return errors.Join(e.ChangeClientSecret("viewer"), e.Revoke("viewer"))
		})
		m.refresh(t)
		for range 2 {
			_, err = read(m, "demo/dev/GREETING")
			require.ErrorIs(t, err, syscall.EACCES)
			_, err = file.ReadAt(make([]byte, 1), 0)
			require.ErrorIs(t, err, syscall.EACCES)
		}
		require.Equal(t, 1, m.status(t).Cache.Purges)
	})
}

// What changes on the server is seen after a refresh, by names, sizes and bytes;
// a file that is open goes on with its version.
func TestChangesAreSeenAfterARefresh(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile})
		m := w.mount(t, "viewer", patient...)
		path := m.path("demo/dev/GREETING")
		before, err := os.Stat(path)
		require.NoError(t, err)
		_, err = os.Stat(m.path("demo/dev/NEW"))
		require.ErrorIs(t, err, syscall.ENOENT)
		open, err := os.Open(path)
		require.NoError(t, err)
		defer open.Close()

		w.edit(t, func(e *devserver.Editor) error {
			return errors.Join(e.Set("demo", "dev", "/", "GREETING", "a longer greeting than before"),
				e.Set("demo", "dev", "/", "NEW", "new"), e.Delete("demo", "dev", "/", "EMPTY"), e.Mkdir("demo", "dev", "/fresh"))
		})
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(text), "nobody asked the server within the TTL")
		m.refresh(t)

		require.Eventually(t, func() bool { // somebody has it open, and gets a moment
			text, err = os.ReadFile(path)
			return err == nil && string(text) == "a longer greeting than before"
		}, 5*time.Second, 10*time.Millisecond)
		after, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, int64(len(text)), after.Size())
		require.True(t, after.ModTime().After(before.ModTime()))
		require.Equal(t, before.Sys().(*syscall.Stat_t).Ino, after.Sys().(*syscall.Stat_t).Ino)
		held := make([]byte, 100)
		n, err := open.ReadAt(held, 0)
		require.ErrorIs(t, err, syscall.ESTALE, "%q", held[:n])

		require.Eventually(t, func() bool { // the kernel may remember an absence for a second
			_, err := os.Stat(m.path("demo/dev/NEW"))
			return err == nil
		}, 5*time.Second, 10*time.Millisecond)
		_, err = os.Stat(m.path("demo/dev/EMPTY"))
		require.ErrorIs(t, err, syscall.ENOENT)
		info, err := os.Stat(m.path("demo/dev/fresh"))
		require.NoError(t, err)
		require.True(t, info.IsDir())
	})
}
