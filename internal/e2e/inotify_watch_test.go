package e2e

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// watcher hears what inotify says of files and directories.
type watcher struct {
	fd    int
	paths map[int]string // of the watches, by their number
	heard []event
}

// event is one thing that was said: "MODIFY" of "GREETING", say. What is said of
// the watched file or directory itself has the name ".".
type event struct {
	kind, name string
	path       string // that was watched
}

// What is of interest: reading makes events too.
const watchedFor = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE |
	unix.IN_DELETE_SELF | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MOVE_SELF

var eventKinds = map[uint32]string{
	unix.IN_MODIFY: "MODIFY", unix.IN_ATTRIB: "ATTRIB", unix.IN_CLOSE_WRITE: "CLOSE_WRITE",
	unix.IN_CREATE: "CREATE", unix.IN_DELETE: "DELETE", unix.IN_DELETE_SELF: "DELETE_SELF",
	unix.IN_MOVED_FROM: "MOVED_FROM", unix.IN_MOVED_TO: "MOVED_TO", unix.IN_MOVE_SELF: "MOVE_SELF",
}

func newWatcher(t *testing.T, paths ...string) *watcher {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	require.NoError(t, err)
	w := &watcher{fd: fd, paths: map[int]string{}}
	t.Cleanup(func() { unix.Close(fd) })
	for _, path := range paths {
		wd, err := unix.InotifyAddWatch(fd, path, watchedFor)
		require.NoError(t, err, path)
		w.paths[wd] = path
	}
	return w
}

// listen reads what there is, waiting for at most limit if there is nothing.
func (w *watcher) listen(t *testing.T, limit time.Duration) bool {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, int(limit.Milliseconds())); err == unix.EINTR {
		return true
	} else if n == 0 {
		return false
	}
	buf := make([]byte, 64<<10)
	n, err := unix.Read(w.fd, buf)
	require.NoError(t, err)
	for buf = buf[:n]; len(buf) > 0; {
		wd := int(int32(binary.NativeEndian.Uint32(buf)))
		mask, length := binary.NativeEndian.Uint32(buf[4:]), binary.NativeEndian.Uint32(buf[12:])
		name := strings.TrimRight(string(buf[16:16+length]), "\x00")
		buf = buf[16+length:]
		kind, ok := eventKinds[mask&watchedFor]
		if !ok {
			continue // the watch has ended
		}
		if mask&unix.IN_ISDIR != 0 {
			kind += "|ISDIR"
		}
		if name == "" {
			name = "."
		}
		w.heard = append(w.heard, event{kind, name, w.paths[wd]})
	}
	return true
}

// hears waits until all of the events have been said, in this order.
func (w *watcher) hears(t *testing.T, path, name string, kinds ...string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		left := kinds
		for _, e := range w.heard {
			if len(left) > 0 && e == (event{left[0], name, path}) {
				left = left[1:]
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s of %s in %s was not heard, only %v", left[0], name, path, w.heard)
		}
		w.listen(t, time.Second)
	}
}

// said returns what has been said of a name up to now: "MODIFY KEY". Whoever
// calls it knows that nothing is under way.
func (w *watcher) said(t *testing.T, names ...string) (list []string) {
	t.Helper()
	for w.listen(t, 0) {
	}
	for _, e := range w.heard {
		if slices.Contains(names, e.name) {
			list = append(list, e.kind+" "+e.name+" in "+filepath.Base(e.path))
		}
	}
	return list
}
