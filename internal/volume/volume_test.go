//go:build linux

package volume

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
)

func TestLife(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	require.Empty(t, m.List())
	_, err := m.Get("app")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = m.Mount(t.Context(), "app", "a")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, m.Remove("app"), ErrNotFound)
	require.NoError(t, m.Unmount(t.Context(), "app", "a"))

	require.NoError(t, m.Create("app", dev()))
	v, err := m.Get("app")
	require.NoError(t, err)
	require.Equal(t, w.base+"/app", v.Mountpoint, "an engine wants to know it before the first mount")
	require.Equal(t, false, v.Status["mounted"])
	require.Empty(t, w.Requests(), "nobody was asked")
	require.NoError(t, m.Unmount(t.Context(), "app", "nobody"))

	for _, id := range []string{"a", "b", "a"} {
		point, err := m.Mount(t.Context(), "app", id)
		require.NoError(t, err)
		require.Equal(t, v.Mountpoint, point)
	}
	w.reads(v.Mountpoint+"/GREETING", "hello, world")
	require.Len(t, w.live(), 1)
	require.ErrorIs(t, m.Remove("app"), ErrInUse)
	require.NoError(t, m.Unmount(t.Context(), "app", "a"))
	w.reads(v.Mountpoint+"/GREETING", "hello, world")
	require.NoError(t, m.Unmount(t.Context(), "app", "b"))
	require.Empty(t, w.live())
	require.NoError(t, m.Unmount(t.Context(), "app", "b"))
	require.NoError(t, m.Remove("app"))
	require.NoDirExists(t, v.Mountpoint)
	require.Empty(t, m.List())
}

// Volumes can be read by everybody in a container, and changed only where they say so.
func TestVolumesAreReadOnlyUnlessTheySayOtherwise(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	point := w.mounted(m, "read", dev())
	info, err := os.Stat(point + "/GREETING")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o444), info.Mode())
	info, err = os.Stat(point)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o555), info.Mode().Perm())
	require.ErrorIs(t, os.WriteFile(point+"/GREETING", []byte("x"), 0o600), syscall.EROFS)
	require.NoFileExists(t, point+"/.infisicalfs/status")

	point = w.mounted(m, "write", dev("write=true", "control=on", "view=.env"))
	require.NoError(t, os.WriteFile(point+"/GREETING", []byte("changed"), 0o600))
	stored, _ := w.Lookup("demo", "dev", "/", "GREETING")
	require.Equal(t, "changed", stored.Value)
	status, err := os.ReadFile(point + "/.infisicalfs/status")
	require.NoError(t, err)
	require.Contains(t, string(status), `"volume": "write"`)
	require.FileExists(t, point+"/payments/.env")
	require.NoFileExists(t, point+"/payments/.secrets.json")
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(w.base + "/read/GREETING")
		return err == nil && string(text) == "changed"
	}, 10*time.Second, time.Millisecond, "it is the same cache")
}

// The service's own surroundings have no say in what a volume shows.
func TestNothingLeaksIntoAVolume(t *testing.T) {
	w := newWorld(t)
	for name, value := range map[string]string{
		"INFISICAL_PROJECT_ID": "other", "INFISICAL_ENVIRONMENT": "prod", "INFISICAL_SECRET_PATH": "/payments", "INFISICALFS_PROJECT": "other",
		"INFISICALFS_ENV": "prod", "INFISICALFS_PATH": "/payments", "INFISICALFS_MODE": "0000",
	} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile(".infisical.json", []byte(`{"workspaceId":"other","defaultEnvironment":"prod"}`), 0o600))
	m := w.open()
	require.ErrorContains(t, m.Create("none", map[string]string{}), "which project")
	point := w.mounted(m, "all", map[string]string{"project": "demo"})
	w.reads(point+"/staging/GREETING", "hello, staging")
	w.reads(point+"/dev/GREETING", "hello, world")
}

func TestCreateAgain(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	words := dev("ttl=10s")
	require.NoError(t, m.Create("app", words))
	words["env"] = "prod" // is the caller's
	require.NoError(t, m.Create("app", dev("ttl=10s")))
	err := m.Create("app", dev())
	require.ErrorContains(t, err, "other options")
	require.Equal(t, exitcode.Config, exitcode.Of(err))
}

func TestWordsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	for word, text := range map[string]string{
		"colour=blue": `"colour"`, "client-secret=hunter2": `"client-secret"`, "token-file=/etc/hunter2": `"token-file"`, "token=hunter2": `"token"`,
		"url=http://hunter2": `"url"`, "template=/etc/hunter2=x": `"template"`, "kernel-cache=full": `"kernel-cache"`, "allow-other=false": `"allow-other"`,
		"mode=hunter2": "mode", "uid=hunter2": "uid", "write=hunter2": "write", "layout=hunter2": "layout", "view=hunter2": "view",
		"ttl=2m": "ttl", "ttl=-1s": "ttl", "max-stale=1h": "max-stale", "notify=hunter2": "notify", "path=../hunter2\x00": "",
	} {
		err := m.Create("app", dev(word))
		if text == "" {
			continue // anything goes, as long as nothing breaks
		}
		require.ErrorContains(t, err, text, word)
		require.Equal(t, exitcode.Config, exitcode.Of(err), word)
	}
	for _, name := range []string{"", ".", "..", "a/b", "../a", "a b", "-a", "ä", string(make([]byte, 300))} {
		require.Error(t, m.Create(name, dev()), "%q", name)
	}
	require.Empty(t, w.live())
}

// Any number of volumes of one environment cost the requests of one.
func TestVolumesShareRequests(t *testing.T) {
	w := newWorld(t)
	requests := func(volumes int) (list []string) {
		w.base, w.state = w.base+"x", w.state+"x"
		w.ResetRequests()
		m := w.open()
		var all sync.WaitGroup
		for i := range volumes {
			all.Go(func() {
				name := fmt.Sprintf("v%d", i)
				if err := m.Create(name, dev()); err != nil {
					t.Error(err)
				}
				point, err := m.Mount(t.Context(), name, "id")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.ReadFile(point + "/payments/STRIPE_KEY"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, r := range w.Requests() {
			list = append(list, r.Method+" "+r.Route)
		}
		require.NoError(t, m.Close())
		w.unmountAll()
		return list
	}
	one := requests(1)
	require.Len(t, requests(20), len(one), "%v", one)
}

// A volume that the server takes from an identity is nobody else's loss.
func TestOneIdentityLosesAccess(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	mine := w.mounted(m, "mine", dev())
	theirs := w.mounted(m, "theirs", dev("identity=viewer"))
	part := w.mounted(m, "part", dev("identity=viewer", "path=/payments"))
	err := m.Create("nobody", dev("identity=nobody"))
	require.NoError(t, err, "who that is, is found out when it is wanted")
	_, err = m.Mount(t.Context(), "nobody", "id")
	require.ErrorContains(t, err, "nobody")

	for _, point := range []string{mine, theirs} {
		w.reads(point+"/GREETING", "hello, world")
	}
	w.reads(part+"/STRIPE_KEY", "fake-stripe-key-for-demonstration")
	require.NoError(t, w.Edit(func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "dev", "/payments") }))
	refused := func(name string) bool {
		v, err := m.Get(name)
		require.NoError(t, err)
		return v.Status["refused"] != nil
	}
	require.Eventually(t, func() bool { return refused("part") }, 20*time.Second, 10*time.Millisecond)
	_, err = os.ReadFile(part + "/STRIPE_KEY")
	require.ErrorIs(t, err, syscall.EACCES)
	_, err = os.ReadFile(theirs + "/payments/STRIPE_KEY")
	require.ErrorIs(t, err, syscall.EACCES)
	w.reads(theirs+"/GREETING", "hello, world")
	w.reads(mine+"/payments/STRIPE_KEY", "fake-stripe-key-for-demonstration")
	require.False(t, refused("mine"))
	require.False(t, refused("theirs"))
	require.Equal(t, map[State]int{Healthy: 2, Refused: 1, Unused: 1}, m.Counts().Volumes)
	_, err = m.Mount(t.Context(), "part", "another")
	require.ErrorIs(t, err, secret.ErrDenied, "a new container does not start")
	_, err = m.Mount(t.Context(), "theirs", "another")
	require.NoError(t, err)

	require.NoError(t, w.Edit(func(e *devserver.Editor) error { return e.Allow("viewer") }))
	require.Eventually(t, func() bool { _, err := m.Mount(t.Context(), "part", "another"); return err == nil }, 20*time.Second, 100*time.Millisecond)
	require.False(t, refused("part"))
}

// What cannot be mounted leaves no trace, and says why.
func TestMountFails(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	require.NoError(t, m.Create("app", dev("identity=no-access")))
	require.NoError(t, m.Create("gone", dev("path=/not/there")))
	for name, kind := range map[string]error{"app": secret.ErrNotFound, "gone": secret.ErrNotFound} {
		_, err := m.Mount(t.Context(), name, "id")
		require.ErrorIs(t, err, kind, name)
	}
	heal := w.Inject(devserver.Fault{Hang: true})
	require.NoError(t, m.Create("slow", dev("identity=viewer")))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := m.Mount(ctx, "slow", "id")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	heal()
	for _, v := range m.List() {
		require.Equal(t, 0, v.Status["users"], v.Name)
	}
	require.Empty(t, w.live())
}

// Somebody who unmounts by hand does what he wants; the next container gets it anew.
func TestUnmountedByHand(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	point := w.mounted(m, "app", dev())
	require.NoError(t, syscall.Unmount(point, 0))
	require.Eventually(t, func() bool { v, _ := m.Get("app"); return v.Status["mounted"] == false }, 10*time.Second, time.Millisecond)
	require.Equal(t, map[State]int{Failed: 1}, m.Counts().Volumes)
	_, err := m.Mount(t.Context(), "app", "other")
	require.NoError(t, err)
	w.reads(point+"/GREETING", "hello, world")
}

func TestSecret(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	value, err := m.Secret(t.Context(), dev("path=/payments"), "STRIPE_KEY")
	require.NoError(t, err)
	require.Equal(t, "fake-stripe-key-for-demonstration", value.Reveal())
	_, err = m.Secret(t.Context(), dev(), "STRIPE_KEY")
	require.ErrorIs(t, err, secret.ErrNotFound)
	_, err = m.Secret(t.Context(), map[string]string{"project": "demo"}, "STRIPE_KEY")
	require.ErrorContains(t, err, "environment")
	_, err = m.Secret(t.Context(), dev("identity=no-access"), "GREETING")
	require.Error(t, err)
	require.NoError(t, w.Edit(func(e *devserver.Editor) error { return e.Set("demo", "dev", "/payments", "STRIPE_KEY", "new") }))
	value, err = m.Secret(t.Context(), dev("path=/payments"), "STRIPE_KEY")
	require.NoError(t, err)
	require.Equal(t, "new", value.Reveal())
}

// The base directory is a shared mount, and what is mounted in it appears once.
func TestBaseDirectory(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.mounted(m, "app", dev())
	table, err := mounttable.Read()
	require.NoError(t, err)
	base := table.At(w.base)
	require.NotNil(t, base)
	require.True(t, mounttable.Shared(base))
	require.Equal(t, []string{"app"}, w.live())
	_, err = Open(t.Context(), w.config())
	require.ErrorContains(t, err, "another process")
	other := w.config()
	other.StateDir = filepath.Join(t.TempDir(), "other")
	second, err := Open(t.Context(), other)
	require.NoError(t, err, "they can share it")
	require.NoError(t, second.Close())
	require.Equal(t, []string{"app"}, w.live())
}
