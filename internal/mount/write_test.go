//go:build linux

package mount

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret/secrettest"
)

// writable is a configuration with a Writer, and folders that stay fresh.
func writable(t *testing.T) (Config, *secrettest.Fake) {
	fake := sample()
	cfg := config(directory(t), fake)
	cfg.Cache.TTL = time.Hour
	cfg.Writer = fake.Writer()
	return cfg, fake
}

func TestMountIsWritable(t *testing.T) {
	cfg, fake := writable(t)
	m := mounted(t, cfg)
	greeting, made := filepath.Join(m.Mountpoint(), "GREETING"), filepath.Join(m.Mountpoint(), "MADE")
	for _, value := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(greeting, []byte(value), 0o600))
		require.NoError(t, os.WriteFile(made, []byte(value), 0o600))
		for name, path := range map[string]string{"GREETING": greeting, "MADE": made} {
			s, _ := fake.Own(devDir, name)
			require.Equal(t, value, s.Value.Reveal())
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, value, string(text), "own writes are shown at once")
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.EqualValues(t, len(value), info.Size())
			require.EqualValues(t, 0o600, info.Mode().Perm())
		}
	}
	require.NoError(t, os.Rename(made, filepath.Join(m.Mountpoint(), "OTHER")))
	require.NoError(t, os.Mkdir(filepath.Join(m.Mountpoint(), "folder"), 0o700))
	require.NoError(t, os.Remove(greeting))
	entries, err := os.ReadDir(m.Mountpoint())
	require.NoError(t, err)
	require.Len(t, entries, 2)

	text, err := os.ReadFile(filepath.Join(m.Mountpoint(), ".infisicalfs/status"))
	require.NoError(t, err)
	var s Status
	require.NoError(t, json.Unmarshal(text, &s))
	require.False(t, s.ReadOnly)
	require.EqualValues(t, 7, s.FS.Writes.Sent)
	require.Equal(t, 1, s.FS.Writes.Rejected)
}

func TestMountIsReadOnly(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"because it has no writer":   func(c *Config) { c.Writer = nil },
		"because nobody is to write": func(c *Config) { c.ReadOnly = true },
	} {
		t.Run(name, func(t *testing.T) {
			cfg, fake := writable(t)
			change(&cfg)
			m := mounted(t, cfg)
			require.ErrorIs(t, os.WriteFile(filepath.Join(m.Mountpoint(), "GREETING"), []byte("x"), 0o600), syscall.EROFS)
			require.ErrorIs(t, os.WriteFile(filepath.Join(m.Mountpoint(), ".swp"), []byte("x"), 0o600), syscall.EROFS)
			info, err := os.Stat(filepath.Join(m.Mountpoint(), "GREETING"))
			require.NoError(t, err)
			require.EqualValues(t, 0o400, info.Mode().Perm())
			require.Empty(t, fake.Writes())
		})
	}
}

func TestUserLoginDoesNotWriteSharedValues(t *testing.T) {
	cfg, fake := writable(t)
	cfg.FS.PersonalReadOnly = true
	m := mounted(t, cfg)
	require.ErrorIs(t, os.WriteFile(filepath.Join(m.Mountpoint(), "GREETING"), []byte("x"), 0o600), syscall.EPERM)
	require.Empty(t, fake.Writes())
}
