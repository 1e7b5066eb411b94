package e2e

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// failures are the errors that an answer can end in that says neither that a thing
// is not there nor that somebody may not.
var failures = []syscall.Errno{syscall.EIO, syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EFBIG}

// Whatever the server says instead of the truth, what people do ends in time: with
// what is true, or with an error of the table and a line in the log that names it.
// When the server is right again, so is the mount.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	profiles := devserver.Profiles()
	for i, lie := range devserver.Lies() {
		t.Run(lie.Name, func(t *testing.T) {
			t.Parallel()
			beLiedTo(t, newWorld(t, devserver.Config{Profile: profiles[i%len(profiles)]}), program, lie)
		})
	}
	for i, flood := range devserver.Floods() {
		t.Run(flood.Name, func(t *testing.T) {
			t.Parallel()
			plain, err := plainProgram() // the race detector would make it a test of the machine
			require.NoError(t, err)
			beLiedTo(t, newWorld(t, devserver.Config{Profile: profiles[i%len(profiles)]}), plain, flood)
		})
	}
}

func beLiedTo(t *testing.T, w *world, binary string, lie devserver.Lie) {
	w.edit(t, func(e *devserver.Editor) error {
		return e.Set("demo", "dev", "/", devserver.LieVictim, devserver.LieMarker)
	})
	m := w.mountWith(t, binary, "admin", "--timeout=3s", "--soft-deadline=300ms", "--rate-wait=1s", "--write-wait=1s", "--ttl=0", "--max-stale=0", "--watch=off")
	greeting, victim, made := m.path("demo/dev/GREETING"), m.path("demo/dev", devserver.LieVictim), m.path("demo/dev/NEW")
	_, err := os.ReadFile(greeting)
	require.NoError(t, err)
	log := readFile(t, m.log)
	remove := w.Inject(lie.Fault)
	defer remove()

	read := func(path, want string) error {
		text, err := os.ReadFile(path)
		if err == nil && string(text) != want {
			t.Errorf("%s is shown as %q", path, text)
		}
		return err
	}
	var wrote, created error
	failed := map[string]error{}
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"ls", func() error { _, err := os.ReadDir(m.path("demo/dev")); return err }},
		{"stat", func() error { _, err := os.Lstat(greeting); return err }},
		{"cat", func() error { return read(greeting, "hello, world") }},
		{"cat victim", func() error { return read(victim, devserver.LieMarker) }},
		{"write", func() error { wrote = os.WriteFile(greeting, []byte("written"), 0); return wrote }},
		{"create", func() error { created = os.WriteFile(made, []byte("made"), 0o600); return created }},
	} {
		within(t, 15*time.Second, op.name, func() {
			if err := op.do(); err != nil {
				failed[op.name] = err
			}
		})
	}
	judgeLie(t, lie, failed, strings.TrimPrefix(readFile(t, m.log), log))

	remove()
	if lie.About == devserver.AboutAll {
		m.refresh(t) // which asks even who wants to be left alone for a year
	}
	stored, ok := w.Lookup("demo", "dev", "/", "GREETING")
	require.True(t, ok)
	require.Contains(t, []string{"hello, world", "written"}, stored.Value)
	require.True(t, wrote != nil || stored.Value == "written", "the write was acknowledged")
	_, there := w.Lookup("demo", "dev", "/", "NEW")
	require.True(t, created != nil || there, "the new secret was acknowledged")
	require.Eventually(t, func() bool {
		for path, want := range map[string]string{greeting: stored.Value, victim: devserver.LieMarker} {
			if text, err := os.ReadFile(path); err != nil || string(text) != want {
				return false
			}
		}
		list, err := os.ReadDir(m.path("demo/dev"))
		return err == nil && len(list) >= 3 && os.WriteFile(greeting, []byte("again"), 0) == nil
	}, 20*time.Second, 50*time.Millisecond, "right again by itself")
	stored, _ = w.Lookup("demo", "dev", "/", "GREETING")
	require.Equal(t, "again", stored.Value)
}

var failureLine = regexp.MustCompile(`(?m)^.*level=WARN msg="operation failed".*$`)

// judgeLie holds what failed, and what the log says of it, to what was promised.
func judgeLie(t *testing.T, lie devserver.Lie, failed map[string]error, log string) {
	t.Helper()
	lines := failureLine.FindAllString(log, -1)
	for op, err := range failed {
		var errno syscall.Errno
		require.ErrorAs(t, err, &errno, op)
		victim := op == "cat victim" && lie.About == devserver.AboutVictim
		switch {
		case victim && errno == syscall.ENOENT && strings.Contains(lie.Name, "name"): // there is one of another name
			continue
		case victim && errno == syscall.EACCES && strings.Contains(lie.Name, "null"): // the server keeps it back
		case !slices.Contains(failures, errno):
			t.Errorf("%s: %v is not an error for this", op, err)
		}
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "errno="+unix.ErrnoName(errno)) }) {
			t.Errorf("%s: %v, and no line says so", op, err)
		}
	}
	if len(lines) > len(failed)+1 { // a close tells what a write met
		t.Errorf("%d lines about %d failures:\n%s", len(lines), len(failed), strings.Join(lines, "\n"))
	}
	for _, op := range []string{"ls", "stat", "cat"} {
		switch err := failed[op]; {
		case lie.About == devserver.AboutNothing, lie.About == devserver.AboutVictim:
			if err != nil {
				t.Errorf("%s: %v, although the lie is not about it", op, err)
			}
		case err == nil && op != "stat": // the kernel may know that
			t.Errorf("%s: no error", op)
		}
	}
	if lie.About == devserver.AboutVictim && failed["cat victim"] == nil {
		t.Error("the victim was read")
	}
	if lie.About == devserver.AboutNothing && len(failed) > 0 {
		t.Errorf("%v, although all is true", failed)
	}
	if strings.Contains(log, devserver.LieMarker) || strings.Contains(log, "hello, world") {
		t.Error("a value is in the log")
	}
}
