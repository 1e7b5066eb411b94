package config

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestReadAbsent(t *testing.T) {
	f, err := Read(filepath.Join(t.TempDir(), "no", "config.yaml"), keys)
	require.NoError(t, err)
	require.Nil(t, f)
}

func TestReadRelative(t *testing.T) {
	path := write(t, "mounts: {app: {mountpoint: here}}")
	t.Chdir(filepath.Dir(path))
	f, err := Read("config.yaml", keys)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(path), "here"), f.Mounts["app"].Settings[0].Value())
}

// requireUntrusted wants an error about the file as a whole.
func requireUntrusted(t *testing.T, path, complaint, hint string) {
	t.Helper()
	f, err := Read(path, keys)
	require.Nil(t, f)
	bad, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, Position{Path: path}, bad.At)
	require.Contains(t, bad.Text, complaint)
	require.Contains(t, bad.Hint, hint)
}

func TestReadWhatIsNoFile(t *testing.T) {
	requireUntrusted(t, t.TempDir(), "is a directory", "--config")
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	requireUntrusted(t, fifo, "not a regular file", "--config")
	requireUntrusted(t, filepath.Join(write(t, ""), "config.yaml"), "not a directory", "--config")
	requireUntrusted(t, write(t, strings.Repeat("#", maxSize+1)), "too large", "--config")
}

func TestReadWhatOthersCanWrite(t *testing.T) {
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		path := write(t, "")
		require.NoError(t, os.Chmod(path, mode))
		requireUntrusted(t, path, "can be written by others", "chmod go-w "+path)
	}
	path := write(t, "")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err := Read(path, keys)
	require.NoError(t, err)
}

func TestReadWhatOthersOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal("not root")
		}
		t.Skip("not root")
	}
	path := write(t, "")
	require.NoError(t, os.Chown(path, 12345, -1))
	requireUntrusted(t, path, "belongs to user 12345", "chown "+strconv.Itoa(os.Geteuid())+" "+path)
}

// The first file wins, with all it says of a name.
func TestLoad(t *testing.T) {
	mine := write(t, "identities: {ci: {url: mine}}\nmounts: {app: {env: mine}, own: {}}")
	system := write(t, "identities: {ci: {url: system}, robot: {}}\nmounts: {app: {env: system, project: x}, db: {identity: ci}}")
	c, err := Load(keys, mine, filepath.Join(t.TempDir(), "absent"), system)
	require.NoError(t, err)
	require.Equal(t, []string{mine, system}, c.Paths())
	require.Equal(t, []string{"app", "db", "own"}, c.Mounts())
	require.Equal(t, []string{"ci", "robot"}, c.Identities())
	app, ok := c.Mount("app")
	require.True(t, ok)
	require.Len(t, app.Settings, 1)
	require.Equal(t, "mine", app.Settings[0].Value())
	ci, ok := c.Identity("ci")
	require.True(t, ok)
	require.Equal(t, "mine", ci.Settings[0].Value())
	_, ok = c.Mount("nowhere")
	require.False(t, ok)
	_, ok = c.Identity("app")
	require.False(t, ok)
}

func TestLoadNothing(t *testing.T) {
	c, err := Load(keys, filepath.Join(t.TempDir(), "absent"))
	require.NoError(t, err)
	require.Empty(t, c.Paths())
	require.Empty(t, c.Mounts())
}

func TestLoadUnknownIdentity(t *testing.T) {
	path := write(t, "identities: {ci: {}, me: {}}\nmounts:\n  app: {identity: hunter2}\n")
	_, err := Load(keys, path)
	require.EqualError(t, err, path+":3:19: no identity of this name is configured")
	bad, _ := errors.AsType[*Error](err)
	require.Equal(t, "configured identities: ci, me", bad.Hint)
}

// Unlike a file that is not there, one that may not be read is an error.
func TestLoadUnreadable(t *testing.T) {
	_, err := Load(keys, write(t, ""), t.TempDir())
	require.ErrorContains(t, err, "is a directory")
}
