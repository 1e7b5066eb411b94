package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Names that the server would change or that mean something else here.
func TestNamesThatCannotBe(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		for name, want := range map[string]syscall.Errno{
			" leading": unix.EINVAL, "trailing ": unix.EINVAL, "\u00a0x": unix.EINVAL, "%2f": unix.EINVAL, "%41": unix.EINVAL, "50%": unix.EINVAL, "%00": unix.EINVAL,
			".env": unix.EPERM, ".env.sh": unix.EPERM, ".env.docker": unix.EPERM, ".env.compose": unix.EPERM, ".env.expand": unix.EPERM, ".env.systemd": unix.EPERM,
			".secrets.json": unix.EPERM, ".secrets.yaml": unix.EPERM, ".secrets.toml": unix.EPERM,
		} {
			refusedAtOpen(t, d.at("desk", name), want, create)
			require.ErrorIs(t, os.Rename(d.at("desk/KEY"), d.at("desk", name)), want, name)
		}
		for _, name := range []string{"two words", "ünïcode", "a.b", "x=y", strings.Repeat("n", 120), "batch", "raw", "%2E%2E", "a%0Ab", "a%2Fb", "a:b"} {
			if strings.Contains(name, ":") || strings.Contains(name, "%2F") {
				if !d.profile.Old() { // which does not take them any longer
					refusedAtOpen(t, d.at("desk", name), unix.EINVAL, create) // many programs check no close
					require.ErrorIs(t, os.Rename(d.at("desk/KEY"), d.at("desk", name)), unix.EINVAL, name)
					continue
				}
			}
			require.NoError(t, os.WriteFile(d.at("desk", name), []byte("value of "+name), 0o644), name)
			text, err := os.ReadFile(d.at("desk", name))
			require.NoError(t, err, name)
			require.Equal(t, "value of "+name, string(text))
			require.NoError(t, os.WriteFile(d.at("desk", name), []byte("second of "+name), 0o644), name)
			decoded := strings.NewReplacer("%2F", "/", "%2E", ".", "%0A", "\n").Replace(name)
			s, ok := d.Lookup("demo", "dev", "/desk", decoded)
			require.True(t, ok, name)
			require.Equal(t, "second of "+name, s.Value)
			require.NoError(t, os.Remove(d.at("desk", name)), name)
			_, ok = d.Lookup("demo", "dev", "/desk", decoded)
			require.False(t, ok, name)
		}
		for _, name := range []string{"two words", "a.b", "ü", " x"} {
			require.ErrorIs(t, os.Mkdir(d.at("desk", name), 0o755), unix.EINVAL, name)
		}
		require.False(t, d.HasFolder("demo", "dev", "/desk/two words"))
	})
}

// Projects, environments and what belongs to the mount itself are not made here.
func TestOnlyFoldersHaveSecrets(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		for _, dir := range []string{"", "demo"} {
			refusedAtOpen(t, d.path(dir, "NEW"), unix.EPERM, create)
			require.ErrorIs(t, os.Mkdir(d.path(dir, "new"), 0o755), unix.EPERM)
		}
		require.ErrorIs(t, os.Remove(d.path("demo/prod")), unix.EPERM)
		require.ErrorIs(t, os.Remove(d.path("demo")), unix.EPERM)
		require.Error(t, os.Rename(d.path("demo/prod"), d.path("demo/prod2")))
		require.Error(t, os.Mkdir(d.path(".infisicalfs"), 0o755))
		require.Error(t, os.Remove(d.path(".infisicalfs/status")))
		require.ErrorIs(t, os.Symlink("KEY", d.at("desk/LINK")), unix.EPERM)
		d.have(t, "desk", one(old))
		require.ErrorIs(t, os.Link(d.at("desk/KEY"), d.at("desk/LINK")), unix.EPERM)
		require.ErrorIs(t, unix.Mkfifo(d.at("desk/FIFO"), 0o644), unix.EPERM)
	})
}
