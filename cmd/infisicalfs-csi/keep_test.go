package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// keeping is a machine with a keeper beside the plugin.
type keeping struct {
	*machine
	keeper *exec.Cmd
}

func newKeeping(t *testing.T) *keeping {
	t.Helper()
	t.Parallel()
	k := &keeping{machine: newMachine(t)}
	k.contained = true
	log, err := os.OpenFile(k.dir+"-log", os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(k.said())
		}
		log.Close()
		os.Remove(log.Name())
	})
	k.stderr = log
	k.keep()
	k.start(k.flag())
	return k
}

func (k *keeping) socket() string { return k.dir + "/keeper/keeper.sock" }
func (k *keeping) flag() string   { return "--keeper=" + k.socket() }

// said is what both processes have logged.
func (k *keeping) said() string {
	text, err := os.ReadFile(k.stderr.Name())
	require.NoError(k, err)
	return string(text)
}

// keep starts a keeper, and returns when it listens.
func (k *keeping) keep(more ...string) {
	k.Helper()
	os.Remove(k.socket())
	k.keeper = k.program(append([]string{"keep", "--socket=" + k.socket()}, more...)...)
	require.NoError(k, k.keeper.Start())
	k.Cleanup(func() { k.keeper.Process.Kill(); k.keeper.Wait() })
	require.Eventually(k, func() bool {
		_, err := os.Stat(k.socket())
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
}

func (k *keeping) killKeeper() {
	k.Helper()
	require.NoError(k, k.keeper.Process.Kill())
	k.keeper.Wait()
}

// readers read files all the time, each by way of a path of its own.
type readers struct {
	over  atomic.Bool
	group sync.WaitGroup
	count atomic.Int64

	mu     sync.Mutex // guards failed
	failed []error
}

func read(files map[string]string) *readers {
	r := new(readers)
	for file, want := range files {
		r.group.Go(func() {
			for !r.over.Load() {
				text, err := os.ReadFile(file)
				if err == nil && string(text) != want {
					err = fmt.Errorf("%s has %q", file, text)
				}
				if err != nil {
					r.mu.Lock()
					r.failed = append(r.failed, err)
					r.mu.Unlock()
				}
				r.count.Add(1)
				time.Sleep(time.Millisecond)
			}
		})
	}
	return r
}

// stop wants no read to have failed; after a kill one that the process was at may have, which the kernel ends.
func (r *readers) stop(t *testing.T, killed bool) {
	t.Helper()
	r.over.Store(true)
	r.group.Wait()
	require.NotZero(t, r.count.Load())
	if !killed {
		require.Empty(t, r.failed)
	}
	require.LessOrEqual(t, len(r.failed), 1, "%v", r.failed)
	for _, err := range r.failed {
		require.ErrorIs(t, err, unix.EIO)
	}
}

// bound is a path of which a pod has one without propagation.
func (m *machine) bound(from, name string, dir bool) string {
	m.Helper()
	to := m.dir + "-" + name // outside of what is shared, as in a pod's namespace
	if dir {
		require.NoError(m, os.Mkdir(to, 0o755))
	} else {
		require.NoError(m, os.WriteFile(to, nil, 0o600))
	}
	require.NoError(m, unix.Mount(from, to, "", unix.MS_BIND, ""))
	require.NoError(m, unix.Mount("", to, "", unix.MS_PRIVATE, ""))
	m.Cleanup(func() { unix.Unmount(to, unix.MNT_DETACH); os.RemoveAll(to) })
	return to
}

// watch returns what waits until somebody who watches a file hears that it was written.
func (m *machine) watch(path string) (woken func()) {
	m.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	require.NoError(m, err)
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_CLOSE_WRITE)
	require.NoError(m, err)
	return func() {
		m.Helper()
		defer unix.Close(fd)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
		require.NoError(m, err)
		require.Equal(m, 1, n, "nobody was woken")
	}
}

// The plugin is killed, and restarted, under pods: nobody's read fails, also of who has the volume without propagation, or one
// file of it. The kubelet's next call is not needed for that, and who could read what before can still.
func TestReadersNoticeNothing(t *testing.T) {
	k := newKeeping(t)
	require.NoError(t, k.Edit(func(e *devserver.Editor) error {
		return e.SetLogin("viewer", devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:other:*", Audiences: []string{"infisical"}})
	}))
	demo := map[string]string{"project": "demo", "env": "dev"}
	r, linked, other := k.volume("pod", demo), k.volume("linked", map[string]string{"project": "demo", "env": "dev", "layout": "k8s"}), k.volumeOf("other", "other", map[string]string{"project": "demo", "env": "dev", "identity-id": k.Credentials("viewer").IdentityID})
	for _, one := range []*csi.NodePublishVolumeRequest{r, linked, other} {
		k.publish(one)
	}
	dir, file := k.bound(r.TargetPath, "dir", true), k.bound(r.TargetPath+"/GREETING", "file", false)
	hello := "hello, world"
	for i, signal := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM} {
		if i == 3 { // the keeper is upgraded, while the plugin runs
			k.killKeeper()
			k.keep()
			require.Eventually(t, func() bool { return strings.Contains(k.said(), "there is a keeper now") }, 20*time.Second, 10*time.Millisecond)
		}
		held, err := os.Open(r.TargetPath + "/GREETING")
		require.NoError(t, err)
		readers := read(map[string]string{r.TargetPath + "/GREETING": hello, dir + "/GREETING": hello, file: hello, linked.TargetPath + "/GREETING": hello, other.TargetPath + "/GREETING": hello})
		k.end(signal)
		k.start(k.flag())
		for _, path := range []string{r.TargetPath + "/GREETING", dir + "/GREETING", file, linked.TargetPath + "/GREETING", other.TargetPath + "/GREETING"} {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, hello, string(text))
		}
		readers.stop(t, signal == syscall.SIGKILL)
		_, err = held.ReadAt(make([]byte, 5), 0)
		require.NoError(t, err)
		require.NoError(t, held.Close())
		woken := k.watch(file)
		hello = fmt.Sprint("after ", i)
		require.NoError(t, k.Edit(func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", hello) }))
		for _, path := range []string{dir + "/GREETING", file, linked.TargetPath + "/GREETING", other.TargetPath + "/GREETING"} {
			k.reads(path, hello)
		}
		woken()
	}
	for _, one := range []*csi.NodePublishVolumeRequest{r, linked, other} {
		_, err := k.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: one.VolumeId, TargetPath: one.TargetPath})
		require.NoError(t, err)
		require.NoDirExists(t, one.TargetPath)
	}
}

// After a kill each pod reads as itself, and after a restart also of what was known while the server is away.
func TestEachStaysWhoItIs(t *testing.T) {
	k := newKeeping(t)
	require.NoError(t, k.Edit(func(e *devserver.Editor) error {
		return errors.Join(
			e.SetLogin("viewer", devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:other:*", Audiences: []string{"infisical"}}),
			e.Hide("viewer", "demo", "dev", "/", "GREETING"))
	}))
	mine, theirs := k.volume("pod", map[string]string{"project": "demo", "env": "dev"}), k.volumeOf("other", "other", map[string]string{"project": "demo", "env": "dev", "identity-id": k.Credentials("viewer").IdentityID})
	k.publish(mine)
	k.publish(theirs)
	apart := func() {
		t.Helper()
		text, err := os.ReadFile(mine.TargetPath + "/GREETING")
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(text))
		_, err = os.ReadFile(theirs.TargetPath + "/GREETING")
		require.ErrorIs(t, err, unix.EACCES)
		_, err = os.ReadFile(theirs.TargetPath + "/DB_USER")
		require.NoError(t, err)
	}
	apart()
	require.Error(t, k.end(syscall.SIGKILL))
	k.start(k.flag())
	apart()
	heal := k.Inject(devserver.Fault{Status: 503, Body: "{}"})
	require.NoError(t, k.end(syscall.SIGTERM))
	k.start(k.flag())
	apart()
	heal()
	_, err := k.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: mine.VolumeId, TargetPath: mine.TargetPath})
	require.NoError(t, err)
	require.Error(t, k.end(syscall.SIGKILL))
	k.start(k.flag())
	_, err = os.ReadFile(theirs.TargetPath + "/DB_USER")
	require.NoError(t, err)
	require.NoDirExists(t, mine.TargetPath)
	require.NotContains(t, k.said(), k.Credentials("admin").ClientSecret)
}

// Without a keeper a volume is dead as soon as the plugin is, and heals when the kubelet calls; so it is where both are killed.
func TestWithoutKeeper(t *testing.T) {
	k := newKeeping(t)
	r := k.volume("pod", map[string]string{"project": "demo", "env": "dev"})
	k.publish(r)
	file := r.TargetPath + "/GREETING"
	k.reads(file, "hello, world")
	heals := func() {
		t.Helper()
		k.publish(k.volume("pod", map[string]string{"project": "demo", "env": "dev"}))
		k.reads(file, "hello, world")
	}
	for _, signal := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		readers := read(map[string]string{file: "hello, world"})
		k.killKeeper()
		require.Eventually(t, func() bool { return strings.Contains(k.said(), "the keeper is away") }, 20*time.Second, 10*time.Millisecond)
		readers.stop(t, false)
		k.end(signal)
		k.dead(file)
		if signal == syscall.SIGKILL {
			k.start(k.flag()) // before there is a keeper
			require.Equal(t, 1, strings.Count(k.said(), "there is no keeper"))
			k.keep()
			require.Eventually(t, func() bool { return strings.Contains(k.said(), "there is a keeper now") }, 20*time.Second, 10*time.Millisecond)
		} else {
			k.keep()
			k.start(k.flag())
		}
		heals()
		k.end(syscall.SIGKILL)
		k.start(k.flag())
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(text))
		k.forgetSaid()
	}
	k.end(syscall.SIGTERM)
	k.killKeeper()
	k.start()
	require.Equal(t, 1, strings.Count(k.said(), "there is no keeper (--keeper)"))
	heals()
}

// dead wants nobody to be there to read from. Who waits for that hears another word than who comes later.
func (k *keeping) dead(file string) {
	k.Helper()
	_, err := os.ReadFile(file)
	require.True(k, errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.ENOTCONN), "%v", err)
}

// forgetSaid begins a new log.
func (k *keeping) forgetSaid() { require.NoError(k, k.stderr.Truncate(0)) }

// Where no plugin comes, who waits has an error; the next plugin heals that.
func TestNobodyWaitsForEver(t *testing.T) {
	k := newKeeping(t)
	r := k.volume("pod", map[string]string{"project": "demo", "env": "dev"})
	k.publish(r)
	k.killKeeper()
	k.keep("--hold=100ms")
	require.Eventually(t, func() bool { return strings.Contains(k.said(), "there is a keeper now") }, 20*time.Second, 10*time.Millisecond)
	k.end(syscall.SIGKILL)
	k.dead(r.TargetPath + "/GREETING")
	k.start(k.flag())
	k.publish(k.volume("pod", map[string]string{"project": "demo", "env": "dev"}))
	k.reads(r.TargetPath+"/GREETING", "hello, world")
}
