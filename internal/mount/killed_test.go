//go:build linux

package mount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret/secrettest"
)

// hosts is a process in a role that serves several mounts, and can be killed.
type hosts struct {
	cmd    *exec.Cmd
	points []string
	in     io.Writer
	out    io.Reader
}

// newHosts begins a role with that many mountpoints.
func newHosts(t *testing.T, role string, mounts int, environment ...string) *hosts {
	t.Helper()
	needFUSE(t)
	h := &hosts{}
	for range mounts {
		h.points = append(h.points, directory(t))
	}
	h.cmd = again(role, append(environment, "POINTS="+strings.Join(h.points, ":"))...)
	h.cmd.Stderr = os.Stderr
	var err error
	h.in, err = h.cmd.StdinPipe()
	require.NoError(t, err)
	h.out, err = h.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.cmd.Start())
	t.Cleanup(func() { h.cmd.Process.Kill() })
	return h
}

// says waits for a word of the process.
func (h *hosts) says(t *testing.T, word string) {
	t.Helper()
	got := make([]byte, len(word))
	_, err := io.ReadFull(h.out, got)
	require.NoError(t, err)
	require.Equal(t, word, string(got))
}

// waiting is how many of its threads wait in a way that only an answer ends.
func (h *hosts) waiting() (n int) {
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", h.cmd.Process.Pid))
	for _, stat := range list {
		text, _ := os.ReadFile(stat)
		if _, rest, ok := strings.Cut(string(text), ") "); ok && strings.HasPrefix(rest, "D") {
			n++
		}
	}
	return n
}

// diesByKill kills the process, which has to be gone then, with all its threads, and
// its connections with it.
func (h *hosts) diesByKill(t *testing.T) {
	t.Helper()
	require.NoError(t, h.cmd.Process.Kill())
	reaped := make(chan error, 1)
	go func() { reaped <- h.cmd.Wait() }()
	select {
	case err := <-reaped:
		require.ErrorContains(t, err, "killed")
	case <-time.After(10 * time.Second):
		for _, point := range h.points {
			require.NoError(t, attach.Unmount(t.Context(), point, attach.Forcibly)) // frees it
		}
		<-reaped
		t.Fatal("the process could not be killed")
	}
	for _, point := range h.points {
		require.ErrorIs(t, attach.Probe(t.Context(), point), syscall.ENOTCONN)
	}
	for _, point := range h.points {
		mounted(t, config(point, sample()))
	}
}

// mute is a server that is asked and never answers.
type mute struct {
	fuse.RawFileSystem
	asked chan bool
}

func (m mute) GetAttr(<-chan struct{}, *fuse.GetAttrIn, *fuse.AttrOut) fuse.Status {
	m.asked <- true
	select {}
}

func (m mute) StatFs(<-chan struct{}, *fuse.InHeader, *fuse.StatfsOut) fuse.Status {
	m.asked <- true
	select {}
}

// waitForOneself serves mounts and waits for answers of each of them.
func waitForOneself() error {
	ctx := context.Background()
	silent := mute{fuse.NewDefaultRawFileSystem(), make(chan bool)}
	var all []*Mount
	for point := range strings.SplitSeq(os.Getenv("POINTS"), ":") {
		fd, err := attach.Mount(ctx, point, mounttable.SourceName, false, PropagateRO)
		if err != nil {
			return err
		}
		m := &Mount{point: point}
		if m.device, err = connection(point); err != nil {
			return err
		}
		server, err := fuse.NewServer(silent, fmt.Sprintf("/dev/fd/%d", fd), &fuse.MountOptions{})
		if err != nil {
			return err
		}
		go server.Serve()
		all = append(all, m)
	}
	for _, m := range all {
		go m.getattr()
		go attach.Probe(ctx, m.point)
		<-silent.asked
		<-silent.asked
	}
	fmt.Print("waiting")
	select {}
}

func TestWhoWaitsForItselfCanBeKilled(t *testing.T) {
	for _, mounts := range []int{1, 2} {
		t.Run(fmt.Sprint(mounts), func(t *testing.T) {
			h := newHosts(t, "wait for oneself", mounts)
			h.says(t, "waiting")
			h.diesByKill(t)
		})
	}
}

// tellWhileItHangs mounts, and after a byte on stdin its servers answer no more.
func tellWhileItHangs() error {
	ctx := context.Background()
	var fakes []*secrettest.Fake
	for point := range strings.SplitSeq(os.Getenv("POINTS"), ":") {
		fake := sample()
		fakes = append(fakes, fake)
		cfg := config(point, fake)
		cfg.Cache.TTL = time.Nanosecond // each lookup asks
		if _, err := New(ctx, cfg); err != nil {
			return err
		}
	}
	fmt.Print("mounted")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	var before []int
	for _, fake := range fakes {
		fake.Hang(true)
		before = append(before, fake.Calls().All())
	}
	fmt.Print("hanging")
	for i, fake := range fakes {
		for fake.Calls().All() == before[i] {
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Print("asked")
	select {}
}

// The kernel is told to forget names of two mounts of one process while lookups in
// the same directories wait for servers that say nothing.
func TestKilledWhileTheKernelIsToldOfTwoMounts(t *testing.T) {
	h := newHosts(t, "tell while it hangs", 2)
	h.says(t, "mounted")
	refresh := func(point string) error {
		return os.WriteFile(filepath.Join(point, ".infisicalfs", "refresh"), []byte("\n"), 0)
	}
	for _, point := range h.points {
		_, err := os.ReadFile(filepath.Join(point, "GREETING")) // there is a name to forget
		require.NoError(t, err)
	}
	_, err := h.in.Write([]byte("\n"))
	require.NoError(t, err)
	h.says(t, "hanging")
	looked := make(chan error)
	for _, point := range h.points {
		go func() {
			_, err := os.Lstat(filepath.Join(point, "NONE"))
			looked <- err
		}()
	}
	h.says(t, "asked")
	told := make(chan error)
	for _, point := range h.points {
		go func() { told <- refresh(point) }()
	}
	require.Eventually(t, func() bool { return h.waiting() >= len(h.points) }, 20*time.Second, 10*time.Millisecond, "the kernel is told")
	h.diesByKill(t)
	for range h.points {
		err := <-looked
		require.True(t, errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.EIO), "%v", err)
		<-told
	}
}
