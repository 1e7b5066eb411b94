//go:build linux

package reaper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if Entered() {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// holds returns which of the named files a process has, a name for each descriptor.
func holds(pid int, among ...string) (names []string) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		target, _ := os.Readlink(link)
		for _, name := range among {
			if strings.Contains(target, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// One process watches for all connections, has those that there are, and ends with the last.
func TestOneForAll(t *testing.T) {
	var watched []*Watched
	names := []string{"first-one", "second-one", "third-one"}
	for i, name := range names {
		fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
		require.NoError(t, err)
		w, err := Watch(fd, i)
		require.NoError(t, err)
		require.NoError(t, unix.Close(fd))
		watched = append(watched, w)
	}
	pid := shared.by.cmd.Process.Pid
	comesTo := func(want ...string) {
		t.Helper()
		require.EventuallyWithT(t, func(c *assert.CollectT) { require.ElementsMatch(c, want, holds(pid, names...)) }, 20*time.Second, time.Millisecond)
	}
	comesTo(names...)
	watched[1].Stop()
	watched[1].Stop()
	comesTo("first-one", "third-one")
	watched[0].Stop()
	comesTo("third-one")
	require.Equal(t, pid, shared.by.cmd.Process.Pid)
	watched[2].Stop()
	require.Nil(t, shared.by)
	require.ErrorIs(t, unix.Kill(pid, 0), unix.ESRCH)
	(*Watched)(nil).Stop()
}
