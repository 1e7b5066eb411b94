//go:build linux

package attach

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
)

// What is mounted already makes way if it is a dead mount of ours, and nothing else
// does.
func TestHealing(t *testing.T) {
	const ours = "fuse.infisicalfs"
	for name, c := range map[string]struct {
		mounted []string // types, the first at the bottom
		answer  error    // of the topmost
		want    Place
		taken   bool
		refused string
	}{
		"nothing":              {nil, nil, Place{}, false, ""},
		"a tmpfs":              {[]string{"tmpfs"}, nil, Place{}, false, ""},
		"a dead mount":         {[]string{ours}, syscall.ENOTCONN, Place{Point: "/p", Stale: true}, true, ""},
		"dead on dead":         {[]string{ours, ours}, fmt.Errorf("statfs: %w", syscall.ENOTCONN), Place{Point: "/p", Stale: true, Stacked: true}, true, ""},
		"dead on a tmpfs":      {[]string{"tmpfs", ours}, syscall.ENOTCONN, Place{Point: "/p", Stale: true}, true, ""},
		"a live mount":         {[]string{ours}, nil, Place{}, true, "mounted already"},
		"one we may not enter": {[]string{ours}, syscall.EACCES, Place{}, true, "mounted already"},
		"one that hangs":       {[]string{ours}, context.DeadlineExceeded, Place{}, true, "does not answer"},
		"sshfs":                {[]string{"fuse.sshfs"}, nil, Place{}, true, "fuse.sshfs is mounted there"},
		"sshfs on a dead one":  {[]string{ours, "fuse.sshfs"}, nil, Place{}, true, "fuse.sshfs is mounted there"},
		"a tmpfs on a live":    {[]string{ours, "tmpfs"}, nil, Place{}, false, ""},
	} {
		var lines strings.Builder
		fmt.Fprintln(&lines, "20 1 8:1 / / rw - ext4 /dev/sda1 rw")
		for i, kind := range c.mounted {
			fmt.Fprintf(&lines, "%d %d 0:%d / /p rw - %s x rw\n", 30+i, map[bool]int{true: 20, false: 29 + i}[i == 0], 40+i, kind)
		}
		mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(lines.String()), nil)
		require.NoError(t, err)
		p, taken, err := heal(mounts, "/p", c.answer)
		require.Equal(t, c.want, p, name)
		require.Equal(t, c.taken, taken, name)
		if c.refused == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.refused, name)
		require.Equal(t, exitcode.Mountpoint, exitcode.Of(err))
	}
}

func TestWhatCannotBeUnmountedAgain(t *testing.T) {
	for point, want := range map[string]bool{"/": true, "/proc": true, "/proc/1": true, "/sys/fs": true, "/dev": true, "/dev/shm": false, "/mnt": false, "/process": false} {
		require.Equal(t, want, vital(point), point)
	}
}
