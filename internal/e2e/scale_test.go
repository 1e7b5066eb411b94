package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

var heavy = flag.Bool("heavy", false, "ten times as much in the tests of scale")

// times is n, or ten times as much.
func times(n int) int {
	if *heavy {
		return 10 * n
	}
	return n
}

// plainProgram is the program as people have it: the race detector multiplies
// what it needs of memory.
var plainProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(base, "infisicalfs-plain")
	build := exec.Command("go", "build", "-o", path, "infisicalfs/cmd/infisicalfs")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, err
})

// mountPlain is mount without the race detector, and with patience: the server has it, and
// what these tests ask for is large.
func (w *world) mountPlain(t *testing.T, flags ...string) *mounted {
	t.Helper()
	plain, err := plainProgram()
	require.NoError(t, err)
	return w.mountWith(t, plain, "viewer", append([]string{"--timeout=1m"}, flags...)...)
}

// onlyEnv is a server whose project has one environment with that content.
func onlyEnv(t *testing.T, content devserver.SeedContent) *world {
	return newWorld(t, devserver.Config{Seed: &devserver.Seed{Projects: []devserver.SeedProject{{
		Slug: "demo", Environments: []devserver.SeedEnvironment{{Slug: "dev", SeedContent: content}},
	}}}})
}

func seedSecrets(n int, value func(i int) string) []devserver.SeedSecret {
	list := make([]devserver.SeedSecret, n)
	for i := range list {
		list[i] = devserver.SeedSecret{Name: fmt.Sprintf("KEY_%06d", i), Value: value(i)}
	}
	return list
}

func smallValue(i int) string { return fmt.Sprintf("not-a-secret-%06d", i) }

// resident is how much memory a process has, in MiB.
func resident(t *testing.T, pid int) float64 { return memory(t, pid, "VmRSS") }

// memory is what the system calls by that name of a process's memory, in MiB:
// VmRSS is all, RssAnon the part of it that is no file's, such as the program's own
// pages, which all of its processes share.
func memory(t *testing.T, pid int, name string) float64 {
	t.Helper()
	text := readFile(t, fmt.Sprintf("/proc/%d/status", pid))
	_, rest, found := strings.Cut(text, name+":")
	require.True(t, found, name)
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return float64(kib) / 1024
}

// Ten thousand secrets in one folder: all of them are listed, found and read,
// the process stays small, and what nobody uses any more is forgotten.
func TestManySecretsInOneFolder(t *testing.T) {
	t.Parallel()
	n := times(10_000)
	w := onlyEnv(t, devserver.SeedContent{Secrets: seedSecrets(n, smallValue)})
	m := w.mountPlain(t, "--project=demo", "--env=dev", "--watch=off", "--ttl=5s", "--max-stale=5s", "--timeout=1m")
	last := fmt.Sprintf("KEY_%06d", n-1)
	require.Equal(t, fmt.Sprintln(n+1), sh(t, m.dir, "ls -l | wc -l"))
	require.Equal(t, fmt.Sprintln(n), sh(t, m.dir, "find . -type f -size -2 | wc -l"))
	require.Equal(t, smallValue(n-1), sh(t, m.dir, "cat "+last))
	used := resident(t, m.pid)
	anon := memory(t, m.pid, "RssAnon")
	t.Logf("%d secrets: %.1f MiB, %.1f of them no file's", n, used, anon)
	if !*heavy {
		require.LessOrEqual(t, used, 40.0, "%.1f MiB of them are no file's", anon)
	}
	held := float64(m.status(t).Cache.Bytes) / (1 << 20)
	t.Logf("%.1f MiB are the cache's", held)
	require.Positive(t, held)
	m.forgets(t, used-held) // what remains is what the kernel may still ask for: the names
	require.Equal(t, smallValue(n-1), sh(t, m.dir, "cat "+last), "and is there again when it is wanted")
}

// forgets waits until nothing is kept of what was used, and the system has its
// memory back: so much, in MiB, may remain.
func (m *mounted) forgets(t *testing.T, remains float64) {
	t.Helper()
	var now float64
	require.Eventually(t, func() bool {
		now = resident(t, m.pid)
		return m.status(t).Cache.Bytes == 0 && now <= remains
	}, time.Minute, 100*time.Millisecond, "more than %.1f MiB remain", remains)
	t.Logf("and %.1f MiB when unused", now)
}

// A thousand folders: a walk through all of them costs what it costs for one.
func TestManyFolders(t *testing.T) {
	t.Parallel()
	n := times(1000)
	content := devserver.SeedContent{}
	for i := range n {
		content.Folders = append(content.Folders, devserver.SeedFolder{
			Name: fmt.Sprintf("service-%05d", i), SeedContent: devserver.SeedContent{Secrets: seedSecrets(2, smallValue)},
		})
	}
	w := onlyEnv(t, content)
	m := w.mountPlain(t, "--project=demo", "--env=dev", "--watch=off", "--ttl=1m")
	before := m.status(t).Server.Total
	require.Equal(t, fmt.Sprintln(2*n), sh(t, m.dir, "find . -type f | wc -l"))
	require.Equal(t, fmt.Sprintln(2*n), sh(t, m.dir, "grep -rc not-a-secret . | grep -c :1"))
	require.LessOrEqual(t, m.status(t).Server.Total-before, 3)
	t.Logf("%d folders: %.1f MiB", n, resident(t, m.pid))
}

// Values of 256 KiB are two READs long at least, and are read with direct I/O.
func TestLargeValues(t *testing.T) {
	t.Parallel()
	n := times(32)
	value := func(i int) string { return strings.Repeat(fmt.Sprintf("%06d,", i), 256<<10/7) + "." }
	w := onlyEnv(t, devserver.SeedContent{Secrets: seedSecrets(n, value)})
	m := w.mountPlain(t, "--project=demo", "--env=dev", "--watch=off", "--ttl=1s", "--max-stale=2s")
	found := tree(t, m.dir)
	require.Len(t, found, n)
	for i := range n {
		require.True(t, found[fmt.Sprintf("KEY_%06d", i)] == value(i), "secret %d is not what the server has", i)
	}
	used := resident(t, m.pid)
	t.Logf("%d values of 256 KiB: %.1f MiB", n, used)
	// Each exists once for good; decoding the answer needs copies for a moment.
	require.LessOrEqual(t, used, 40+6*float64(n)/4)
	m.forgets(t, used-float64(n)/4*3/4) // most of the values
}

// Two hundred readers at once, with the race detector: everybody gets what is
// there, and one request serves all.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	const readers, secrets = 200, 20
	w := onlyEnv(t, devserver.SeedContent{Secrets: seedSecrets(secrets, smallValue)})
	m := w.mount(t, "viewer", "--project=demo", "--watch=off", "--ttl=1m")
	before := m.status(t).Server.Total
	failures := make(chan error, readers)
	var start, wg sync.WaitGroup
	start.Add(1)
	for r := range readers {
		wg.Go(func() {
			start.Wait()
			for i := range times(secrets) {
				i = (i + r) % secrets
				text, err := os.ReadFile(m.path("dev", fmt.Sprintf("KEY_%06d", i)))
				if err == nil && string(text) != smallValue(i) {
					err = errors.New("a reader got something else")
				}
				if err != nil {
					failures <- err
					return
				}
			}
		})
	}
	start.Done()
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	require.LessOrEqual(t, m.status(t).Server.Total-before, 2)
	require.Eventually(t, func() bool { return m.status(t).FS.Open == 0 }, 10*time.Second, 10*time.Millisecond)
}
