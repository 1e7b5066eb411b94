//go:build linux

package caller

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What a process has open can be seen, without asking the file's file system.
func TestHasOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	writer, err := os.Create(path)
	require.NoError(t, err)
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	me := Of(uint32(os.Getpid()))
	require.True(t, me.Writes(st.Ino))
	require.False(t, me.Writes(st.Ino+1))
	require.NoError(t, writer.Close())
	require.False(t, me.Writes(st.Ino))
	reader, err := os.Open(path)
	require.NoError(t, err)
	defer reader.Close()
	require.False(t, me.Writes(st.Ino), "for reading only")
	require.False(t, Process{PID: 1 << 30}.Writes(st.Ino), "there is no such process")
	require.False(t, Process{}.Writes(st.Ino), "nobody has anything")
}

func TestWhatIsOpenForWriting(t *testing.T) {
	for name, c := range map[string]struct {
		info string
		want bool
	}{
		"for writing":       {"pos:\t0\nflags:\t0100001\nmnt_id:\t29\nino:\t7\n", true},
		"for both":          {"pos:\t0\nflags:\t0100002\nmnt_id:\t29\nino:\t7\n", true},
		"for reading":       {"pos:\t0\nflags:\t0100000\nmnt_id:\t29\nino:\t7\n", false},
		"another file":      {"pos:\t0\nflags:\t0100001\nmnt_id:\t29\nino:\t77\n", false},
		"before Linux 5.14": {"pos:\t0\nflags:\t0100001\nmnt_id:\t29\n", false},
		"no number":         {"flags:\t9\nino:\t7\n", false},
		"nothing":           {"", false},
	} {
		require.Equal(t, c.want, isOpenFor(c.info, 7), name)
	}
}
