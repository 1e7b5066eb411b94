package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

var devOfDemo = []string{"--project=demo", "--env=dev"}

// The server process is killed and started again: programs on the host and in
// containers that were there before go on, the host's mount table stays short,
// and nobody is told meanwhile that a secret does not exist.
func TestKilledAndMountedAgain(t *testing.T) {
	for name, around := range map[string]uintptr{"private": unix.MS_PRIVATE, "shared": unix.MS_SHARED, "shared point": unix.MS_PRIVATE} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devserver.Config{})
			dir := shelf(t, around)
			greeting := filepath.Join(dir, "GREETING")
			l := w.begin(t, dir, nil, devOfDemo...)
			defer func() { l.kill(t, dir) }()
			l.mounted(t)
			if name == "shared point" {
				require.NoError(t, unix.Mount("", dir, "", unix.MS_SHARED, ""))
			}
			var inside []*container // of the mountpoint, begun in each of the lives
			var took []time.Duration
			for life := range 5 {
				want := fmt.Sprint("life ", life)
				w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", want) })
				require.NoError(t, os.WriteFile(filepath.Join(dir, ".infisicalfs", "refresh"), []byte("\n"), 0))
				if name != "private" && life < 3 {
					inside = append(inside, newContainer(t, dir))
				}
				for i, c := range inside {
					got, ok := c.run(t, "cat "+c.dir+"/GREETING")
					require.True(t, ok, "container %d: %s", i, got)
					require.Equal(t, want, got, "container %d", i)
				}
				open, err := os.Open(greeting)
				require.NoError(t, err)

				l.kill(t, dir)
				requireDead(t, open, want)
				for _, c := range inside {
					got, ok := c.run(t, "LC_ALL=C cat "+c.dir+"/GREETING")
					require.False(t, ok)
					require.Contains(t, got, "Transport endpoint is not connected")
				}

				looked := watchFor(greeting)
				began := time.Now()
				l = w.begin(t, dir, nil, devOfDemo...)
				l.mounted(t)
				took = append(took, time.Since(began))
				require.NotContains(t, looked(), syscall.ENOENT)
				require.Equal(t, 1, depth(dir))
				got, err := os.ReadFile(greeting)
				require.NoError(t, err)
				require.Equal(t, want, string(got))
				requireDead(t, open, want) // what was open before belongs to the dead one
				open.Close()
			}
			slices.Sort(took)
			t.Log("mounted again after", took)
			require.Less(t, took[len(took)/2], 2*time.Second)

			require.NoError(t, l.cmd.Process.Signal(unix.SIGTERM))
			l.gone(t, dir)
			require.Zero(t, depth(dir))
		})
	}
}

// requireDead checks that a file of a dead mount has nothing but an error, or
// what the kernel has in memory of its version.
func requireDead(t *testing.T, f *os.File, version string) {
	t.Helper()
	text := make([]byte, 100)
	n, err := f.ReadAt(text, 0)
	if n > 0 {
		require.Equal(t, version, string(text[:n]))
		return
	}
	require.ErrorIs(t, err, syscall.ENOTCONN)
}

// watchFor looks at path all the time and returns what kinds of errors came.
func watchFor(path string) (stop func() []error) {
	end, seen := make(chan bool), make(chan []error)
	go func() {
		var kinds []error
		for {
			select {
			case <-end:
				seen <- kinds
				return
			default:
			}
			var st unix.Stat_t
			if err := unix.Stat(path, &st); err != nil && !slices.Contains(kinds, err) {
				kinds = append(kinds, err)
			}
		}
	}()
	return func() []error { close(end); return <-seen }
}

// However early a start is killed: its process is gone and the next one mounts.
func TestKilledWhileStarting(t *testing.T) {
	for name, around := range map[string]uintptr{"private": unix.MS_PRIVATE, "shared": unix.MS_SHARED} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devserver.Config{})
			dir := shelf(t, around)
			first := time.Now()
			l := w.begin(t, dir, nil, devOfDemo...)
			l.mounted(t)
			usual := time.Since(first)
			for range 15 {
				l.kill(t, dir)
				l = w.begin(t, dir, nil, devOfDemo...)
				time.Sleep(time.Duration(rand.Int64N(int64(usual + usual/4)))) // the moment of the blow, not a wait for anything
				require.LessOrEqual(t, depth(dir), 2)
			}
			l.kill(t, dir)
			l = w.begin(t, dir, nil, devOfDemo...)
			l.mounted(t)
			require.Equal(t, 1, depth(dir))
			_, err := os.ReadFile(filepath.Join(dir, "GREETING"))
			require.NoError(t, err)
			l.kill(t, dir)
		})
	}
}

// Killed while many read and the server is slow.
func TestKilledUnderLoad(t *testing.T) {
	w := newWorld(t, devserver.Config{})
	dir := shelf(t, unix.MS_SHARED)
	defer w.Inject(devserver.Fault{Match: notLogin, Delay: 20 * time.Millisecond})()
	for range 5 {
		l := w.begin(t, dir, nil, append(devOfDemo, "--ttl=0")...)
		l.mounted(t)
		end := make(chan bool)
		done := make(chan bool)
		for i := range 8 {
			go func() {
				defer func() { done <- true }()
				for {
					select {
					case <-end:
						return
					default:
						os.ReadFile(filepath.Join(dir, "GREETING"))
						os.ReadDir(filepath.Join(dir, "payments"))
						os.Lstat(filepath.Join(dir, "payments", fmt.Sprint("NONE", i)))
					}
				}
			}()
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // as above
		l.kill(t, dir)
		close(end)
		for range 8 {
			<-done
		}
	}
	l := w.begin(t, dir, nil, devOfDemo...)
	l.mounted(t)
	require.Equal(t, 1, depth(dir))
	l.kill(t, dir)
}

// The kernel is told to forget names while lookups in the same directory wait
// for a server that says nothing: it waits for those, and would do so for ever
// if the process that is to answer them could not end.
func TestKilledWhileTellingTheKernel(t *testing.T) {
	w := newWorld(t, devserver.Config{})
	dir := shelf(t, unix.MS_PRIVATE)
	refresh := func() error { return os.WriteFile(filepath.Join(dir, ".infisicalfs", "refresh"), []byte("\n"), 0) }
	l := w.begin(t, dir, nil, append(devOfDemo, "--ttl=1h")...)
	l.mounted(t)
	for _, folder := range []string{"", "payments"} {
		list, err := os.ReadDir(filepath.Join(dir, folder))
		require.NoError(t, err)
		for _, entry := range list {
			_, err := os.Lstat(filepath.Join(dir, folder, entry.Name()))
			require.NoError(t, err)
		}
	}
	require.NoError(t, refresh())
	hanging := make(chan bool, 100)
	defer w.Inject(devserver.Fault{Hang: true, Hit: func() { hanging <- true }})()
	looked := make(chan error)
	for _, folder := range []string{"", "payments"} {
		go func() {
			_, err := os.Lstat(filepath.Join(dir, folder, "NONE"))
			looked <- err
		}()
	}
	<-hanging
	told := make(chan error)
	go func() { told <- refresh() }()
	<-told
	time.Sleep(100 * time.Millisecond) // the kernel is told in the background
	l.kill(t, dir)
	for range 2 {
		require.Error(t, <-looked)
	}
	l = w.begin(t, dir, nil, devOfDemo...)
	defer l.kill(t, dir)
}
