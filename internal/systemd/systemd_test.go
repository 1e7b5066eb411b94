//go:build linux

package systemd_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/systemd"
	"infisicalfs/internal/systemd/systemdtest"
)

// TestMain is a service, too, where it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv("SYSTEMD_TEST_SERVICE") == "" {
		os.Exit(m.Run())
	}
	received := systemd.Received()
	for _, d := range received {
		target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", d.FD))
		flags, _ := unix.FcntlInt(uintptr(d.FD), unix.F_GETFD, 0)
		fmt.Println(d.Name, target, flags == unix.FD_CLOEXEC, err)
	}
	fmt.Println("again", len(systemd.Received())+len(os.Getenv("LISTEN_FDS")))
	if name := os.Getenv("SYSTEMD_TEST_STORES"); name != "" {
		fmt.Println("too many:", errors.Is(systemd.Store(name, 0), systemd.ErrTooMany))
	}
}

func service(t *testing.T) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "SYSTEMD_TEST_SERVICE=yes")
	return cmd
}

func TestWhatIsLeftIsHandedToTheNextProcess(t *testing.T) {
	m := systemdtest.New(t)
	t.Setenv("NOTIFY_SOCKET", m.Socket())
	var files []*os.File
	for _, name := range []string{"one", "two", "two"} {
		f, err := os.CreateTemp(t.TempDir(), name)
		require.NoError(t, err)
		files = append(files, f)
		require.NoError(t, systemd.Store(name, int(f.Fd())))
		require.NoError(t, systemd.Store(name, int(f.Fd()))) // is the same
		m.Until(t, "FDNAME="+name)
		require.NoError(t, f.Close()) // what the manager has is its own
	}
	m.Until(t, "FDNAME=two")
	unit, err := systemd.Ask(t.Context())
	require.NoError(t, err)
	require.Equal(t, systemd.Unit{Name: systemdtest.Unit, Stored: 3}, unit)
	require.False(t, unit.Restarts())

	cmd := service(t)
	var out bytes.Buffer
	cmd.Stdout = &out
	m.Start(t, cmd)
	require.NoError(t, cmd.Wait())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{"again 0"}
	for i, name := range []string{"one", "two", "two"} {
		want = append(want, fmt.Sprintf("%s %s true <nil>", name, files[i].Name()))
	}
	require.ElementsMatch(t, want, lines)

	require.NoError(t, systemd.Forget("two"))
	m.Until(t, "FDSTOREREMOVE=1")
	require.Equal(t, []string{"one"}, m.Stored())
}

// No more is left with the manager than it can hand over: Linux would not start the next process.
func TestAsMuchIsKeptAsCanBeNamed(t *testing.T) {
	m := systemdtest.New(t)
	t.Setenv("NOTIFY_SOCKET", m.Socket())
	var names []string
	for i := 0; ; i++ {
		name := fmt.Sprintf("%0250d", i)
		fd, err := unix.MemfdCreate(name[200:], unix.MFD_CLOEXEC)
		require.NoError(t, err)
		err = systemd.Store(name, fd)
		require.NoError(t, unix.Close(fd))
		if errors.Is(err, systemd.ErrTooMany) {
			break
		}
		require.NoError(t, err)
		names = append(names, name)
		m.Until(t, "FDNAME="+name)
	}
	require.Greater(t, len(names), 400)
	cmd := service(t)
	cmd.Env = append(cmd.Env, "SYSTEMD_TEST_STORES="+names[0][:200]) // what it was handed counts, too
	var out bytes.Buffer
	cmd.Stdout = &out
	m.Start(t, cmd)
	require.NoError(t, cmd.Wait())
	require.Contains(t, out.String(), "too many: true")
	for _, name := range names {
		require.NoError(t, systemd.Forget(name))
	}
	require.NoError(t, systemd.Store("again", 0))
	require.NoError(t, systemd.Forget("again"))
}

func TestDescriptorsOfAnotherProcessAreLeftAlone(t *testing.T) {
	for _, pid := range []string{"", "1", "not a number"} {
		t.Setenv("LISTEN_PID", pid)
		t.Setenv("LISTEN_FDS", "1")
		require.Empty(t, systemd.Received())
		require.Empty(t, os.Getenv("LISTEN_FDS"))
	}
}

func TestWhatFollowsIsAsked(t *testing.T) {
	m := systemdtest.New(t)
	t.Setenv("NOTIFY_SOCKET", m.Socket())
	for job, want := range map[string]bool{"restart": true, "start": true, "try-restart": true, "stop": false, "": false, "verify-active": false} {
		m.SetJob(job)
		unit, err := systemd.Ask(t.Context())
		require.NoError(t, err)
		require.Equal(t, job, unit.Job)
		require.Equal(t, want, unit.Restarts(), job)
	}
}

func TestAManagerThatDoesNotAnswer(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	_, err := systemd.Ask(t.Context())
	require.ErrorIs(t, err, systemd.ErrNoManager)
	require.ErrorIs(t, systemd.Store("fuse", 0), systemd.ErrNoManager)

	m := systemdtest.New(t)
	t.Setenv("NOTIFY_SOCKET", m.Socket())
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
	m.Mute()
	begin := time.Now()
	_, err = systemd.Ask(t.Context())
	require.Error(t, err)
	require.False(t, errors.Is(err, systemd.ErrNoManager))
	require.Less(t, time.Since(begin), 10*time.Second)

	// Nothing is started by asking.
	t.Setenv("NOTIFY_SOCKET", "@abstract")
	for _, address := range []string{"unixexec:path=/bin/sh,argv1=-c,argv2=true", "unix:path=/nowhere;unixexec:path=/bin/true"} {
		t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
		_, err = systemd.Ask(t.Context())
		require.ErrorContains(t, err, "no local bus")
	}
}
