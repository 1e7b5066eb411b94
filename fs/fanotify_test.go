//go:build linux

package fs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
)

// scan makes a virus scanner of the test: whoever opens something on the mount waits
// until it has been looked at. For each such event the kernel opens the file anew,
// and if that fails it refuses the one who opened it. It returns how many were
// looked at.
func scan(t *testing.T, mnt string) (looked *atomic.Int64) {
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("REQUIRE_FUSE"), "only root can ask for permission events")
		t.Skip("only root can ask for permission events")
	}
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_LARGEFILE)
	require.NoError(t, err)
	events := os.NewFile(uintptr(fd), "fanotify") // whose reads end when it is closed
	require.NoError(t, unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_MOUNT, unix.FAN_OPEN_PERM, unix.AT_FDCWD, mnt))
	looked = new(atomic.Int64)
	ended := make(chan error, 1)
	go func() { ended <- allow(events, looked) }()
	t.Cleanup(func() {
		require.NoError(t, unix.FanotifyMark(fd, unix.FAN_MARK_REMOVE|unix.FAN_MARK_MOUNT, unix.FAN_OPEN_PERM, unix.AT_FDCWD, mnt))
		require.NoError(t, events.Close())
		require.NoError(t, <-ended)
	})
	return looked
}

// allow allows everything that can be read, until the listener is closed.
func allow(events *os.File, looked *atomic.Int64) error {
	buf := make([]byte, 4096)
	for {
		n, err := events.Read(buf)
		switch {
		case errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			continue // the kernel could not open a file, and has refused it
		}
		var event unix.FanotifyEventMetadata
		for r := bytes.NewReader(buf[:n]); ; {
			if err := binary.Read(r, binary.NativeEndian, &event); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
			file := os.NewFile(uintptr(event.Fd), "event")
			verdict := uint32(unix.FAN_ALLOW)
			if _, err := io.ReadAll(file); err != nil && !errors.Is(err, unix.EISDIR) {
				verdict = unix.FAN_DENY
			}
			looked.Add(1)
			reply := unix.FanotifyResponse{Fd: event.Fd, Response: verdict}
			err := binary.Write(events, binary.NativeEndian, reply)
			file.Close()
			if err != nil {
				return fmt.Errorf("answering: %w", err)
			}
		}
	}
}

// Programs can write where somebody looks at whatever is opened.
func TestWritingUnderAScanner(t *testing.T) {
	for name, remember := range map[string]time.Duration{"": 0, " with a cache in the kernel": time.Minute} {
		t.Run("scanner"+name, func(t *testing.T) {
			w := newWorld(writing, ttl(remember))
			mnt := fusetest.Mounted(t, w.Root(), w.Options())
			t.Cleanup(w.Close)
			outside := filepath.Join(t.TempDir(), "KEY")
			require.NoError(t, os.WriteFile(outside, []byte("copied"), 0o600))
			looked := scan(t, mnt)
			for _, c := range []struct{ script, secret, want string }{
				{`cat GREETING`, "GREETING", "hello, world"},
				{`echo new > NEW`, "NEW", "new\n"},
				{`cp ` + outside + ` COPIED`, "COPIED", "copied"},
				{`echo other > GREETING`, "GREETING", "other\n"},
				{`echo more >> GREETING`, "GREETING", "other\nmore\n"},
				{`echo x > .NEW.tmp; mv .NEW.tmp RENAMED`, "RENAMED", "x\n"},
				{`: > EMPTIED; touch TOUCHED`, "EMPTIED", ""},
				{`sed -i s/new/newer/ NEW`, "NEW", "newer\n"},
				{`mkdir folder; cp GREETING folder/; cat folder/GREETING`, "COPIED", "copied"},
				{`install -m 600 ` + outside + ` INSTALLED`, "INSTALLED", "copied"},
			} {
				before := looked.Load()
				shell(t, mnt, c.script)
				require.Greater(t, looked.Load(), before, c.script)
				require.Eventually(t, func() bool {
					s, ok := w.Own(dev, c.secret)
					return ok && s.Value.Reveal() == c.want
				}, time.Minute, time.Millisecond, c.script)
			}
			require.False(t, strings.Contains(w.logs.String(), "operation failed"), w.logs.String())
		})
	}
}
