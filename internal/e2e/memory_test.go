package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// peak is the most memory that a process has had at one time, in MiB.
func peak(t *testing.T, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			require.NoError(t, err)
			return float64(kib) / 1024
		}
	}
	t.Fatal("the system does not tell")
	return 0
}

// What a hostile server sends does not fill the memory: beyond the bounds it is
// an error that is told, and the folder is there again when the server is.
func TestFloodsAreBounded(t *testing.T) {
	t.Parallel()
	for _, flood := range devserver.Floods() {
		if flood.About != devserver.AboutList {
			continue
		}
		t.Run(flood.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, devserver.Config{})
			timeout := "20s"
			if flood.Name == "one byte at a time" { // which nothing but that ends
				timeout = "3s"
			}
			m := w.mountPlain(t, "--timeout="+timeout, "--ttl=0", "--max-stale=0", "--watch=off")
			remove := w.Inject(flood.Fault)
			for range 2 { // nothing of the first is left when the second comes
				_, err := os.ReadDir(m.path("demo", "dev"))
				require.Error(t, err)
				require.NotErrorIs(t, err, syscall.ENOENT)
			}
			remove()
			t.Logf("%.1f MiB", peak(t, m.pid))
			require.Less(t, peak(t, m.pid), 200.0)
			text, err := os.ReadFile(m.path("demo", "dev", "GREETING"))
			require.NoError(t, err)
			require.Equal(t, "hello, world", string(text))
		})
	}
}

// Fifty thousand secrets in one folder can be listed in little memory: by what the
// process says that it had at most, and by living in a memory cgroup of that size
// where one can be made.
func TestFiftyThousandSecretsInLittleMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	w.Inject(devserver.Fault{Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/v4/secrets") }, Write: func(rw http.ResponseWriter, _ *http.Request) {
		devserver.ManySecrets(rw, 50_000)
	}})
	plain, err := plainProgram()
	require.NoError(t, err)
	m := w.mountWith(t, limited(t, plain, 128<<20), "viewer", "--project=demo", "--env=dev", "--watch=off")
	require.Equal(t, "50000\n", sh(t, m.dir, "ls | grep -c SECRET_"))
	t.Logf("ls: %.1f MiB", peak(t, m.pid))
	require.Equal(t, "50000\n", sh(t, m.dir, "ls -l | grep -c SECRET_"))
	require.Equal(t, "value-0049999", sh(t, m.dir, "cat SECRET_0049999"))
	t.Logf("ls -l: %.1f MiB", peak(t, m.pid))
	require.LessOrEqual(t, peak(t, m.pid), 128.0)
}

// limited returns a program that mounts as the given one does, in a memory cgroup
// of its own with that many bytes; or the given one, where none can be made.
func limited(t *testing.T, program string, bytes int64) string {
	t.Helper()
	group, file := memoryCgroup(t)
	if group == "" {
		t.Log("no memory cgroup can be made here")
		return program
	}
	t.Cleanup(func() { // the mount's process is gone by then
		require.Eventually(t, func() bool { return os.Remove(group) == nil }, 10*time.Second, 10*time.Millisecond)
	})
	if err := os.WriteFile(filepath.Join(group, file), []byte(strconv.FormatInt(bytes, 10)), 0); err != nil {
		t.Log("no memory cgroup can be bounded here: ", err)
		return program
	}
	wrapper := filepath.Join(t.TempDir(), "infisicalfs")
	script := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = mount ]; then echo $$ >%s/cgroup.procs || exit; fi\nexec %s \"$@\"\n", group, program)
	require.NoError(t, os.WriteFile(wrapper, []byte(script), 0o755))
	t.Log("in a memory cgroup of its own")
	return wrapper
}

// memoryCgroup makes a group below our own, and returns its folder and the file
// that bounds it in the version that is mounted; empty if that cannot be done.
func memoryCgroup(t *testing.T) (group, file string) {
	text, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		root, file := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		switch {
		case len(part) != 3:
			continue
		case part[0] == "0" && part[1] == "":
			root, file = "/sys/fs/cgroup", "memory.max"
		case part[1] != "memory":
			continue
		}
		group := filepath.Join(root, part[2], fmt.Sprintf("infisicalfs-test-%d", os.Getpid()))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(group, file)); err == nil {
			return group, file
		}
		os.Remove(group)
	}
	return "", ""
}
