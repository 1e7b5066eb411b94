//go:build linux

package mount

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/mounttable"
)

func init() { roles["serve writable"] = serveWritable }

// serveWritable mounts with a server that takes what is written. With OLD_KERNEL it
// has no system calls that are younger than mount(2).
func serveWritable() error {
	if os.Getenv("OLD_KERNEL") != "" {
		if err := forgetNewCalls(); err != nil {
			return err
		}
	}
	fake := sample()
	cfg := config(os.Getenv("POINT"), fake)
	cfg.Writer, cfg.Propagate = fake.Writer(), Propagate(os.Getenv("PROPAGATE"))
	m, err := New(context.Background(), cfg)
	if err != nil {
		return err
	}
	fmt.Print("mounted")
	return m.Wait()
}

// forgetNewCalls has the kernel answer ENOSYS, for all threads of this process, as
// one that never had them.
func forgetNewCalls() error {
	const number, equal = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	program := []unix.SockFilter{{Code: number}} // the first field of seccomp_data
	for _, call := range []uint32{unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_MOUNT_SETATTR} {
		program = append(program,
			unix.SockFilter{Code: equal, Jf: 1, K: call},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return errno
	}
	return nil
}

// servedWritable is [served] with a server that takes what is written.
func servedWritable(t *testing.T, point string, environment ...string) (kill func()) {
	t.Helper()
	cmd := again("serve writable", append(environment, "POINT="+point)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	word := make([]byte, len("mounted"))
	_, err = out.Read(word)
	require.NoError(t, err)
	require.Equal(t, "mounted", string(word))
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
		require.ErrorIs(t, attach.Probe(t.Context(), point), syscall.ENOTCONN)
	}
}

// neighbour is a thread in a mount namespace of its own, to which mounts made here
// propagate, as in a container with "rslave".
type neighbour struct {
	at   string // where it has bound what it was given
	jobs chan func()
}

// newNeighbour gives it dir, read-only if flags say so; of mounts inside dir the
// flags stay as they are, which is what engines do that bind without "recursive".
func newNeighbour(t *testing.T, dir string, flags uintptr) *neighbour {
	t.Helper()
	n := &neighbour{directory(t), make(chan func())}
	began, ended := make(chan error), make(chan bool)
	go func() {
		defer close(ended)
		blocking.OnThread(func() {
			began <- n.enter(dir, flags)
			for job := range n.jobs {
				job()
			}
		})
	}()
	t.Cleanup(func() { close(n.jobs); <-ended })
	require.NoError(t, <-began)
	return n
}

func (n *neighbour) enter(dir string, flags uintptr) error {
	steps := []func() error{
		func() error { return unix.Unshare(unix.CLONE_NEWNS) },
		func() error { return unix.Mount(dir, n.at, "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return unix.Mount("", n.at, "", unix.MS_REC|unix.MS_SLAVE, "") },
		func() error { return unix.Mount("", n.at, "", unix.MS_BIND|unix.MS_REMOUNT|flags, "") },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// do runs job on its thread.
func (n *neighbour) do(job func()) {
	done := make(chan bool)
	n.jobs <- func() { job(); close(done) }
	<-done
}

// reads checks that it has the mount there.
func (n *neighbour) reads(t *testing.T, rel string) {
	t.Helper()
	var text []byte
	var err error
	n.do(func() { text, err = os.ReadFile(filepath.Join(n.at, rel, "GREETING")) })
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
}

// writes tries all that changes something, and returns the errors.
func writes(dir string) (errs []error) {
	scratch := filepath.Join(dir, ".x.swp")
	errs = append(errs, os.WriteFile(scratch, []byte("x"), 0o600), os.Mkdir(filepath.Join(dir, "made"), 0o700))
	f, err := os.OpenFile(filepath.Join(dir, "GREETING"), os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	errs = append(errs, err)
	if errs[0] == nil {
		errs = append(errs, os.Remove(scratch))
	}
	if errs[1] == nil {
		errs = append(errs, os.Remove(filepath.Join(dir, "made")))
	}
	return errs
}

func (n *neighbour) mayWrite(t *testing.T, rel string, may bool) {
	t.Helper()
	var errs []error
	n.do(func() { errs = writes(filepath.Join(n.at, rel)) })
	for _, err := range errs {
		if may {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, syscall.EROFS)
		}
	}
}

func hostWrites(t *testing.T, dir string) {
	t.Helper()
	for _, err := range writes(dir) {
		require.NoError(t, err)
	}
}

// A container that was given a directory read-only cannot write through what
// is mounted there, or put in the place of a dead mount there, later.
func TestWhatPropagatesIsReadOnly(t *testing.T) {
	for _, around := range []string{"shared", "point shared"} {
		t.Run(around, func(t *testing.T) {
			point := surroundings(t, roads[around].around)
			var of *neighbour
			if around == "shared" {
				of = newNeighbour(t, filepath.Dir(point), unix.MS_RDONLY) // before the first mount
			}
			kill := servedWritable(t, point)
			hostWrites(t, point)
			require.NoError(t, unix.Mount("", point, "", roads[around].point, ""))
			of2 := newNeighbour(t, point, unix.MS_RDONLY)
			for range 2 {
				of2.reads(t, "")
				of2.mayWrite(t, "", false)
				if of != nil {
					of.reads(t, "point")
					of.mayWrite(t, "point", false)
				}
				kill()
				kill = servedWritable(t, point)
				hostWrites(t, point)
				require.Equal(t, 1, depth(t, point))
				require.NoError(t, unix.Mount("", point, "", roads[around].point, ""))
			}
			of2.mayWrite(t, "", false)
			kill()
		})
	}
}

// Whoever wants it has it as it was.
func TestWhatPropagatesIsWritableIfAsked(t *testing.T) {
	point := surroundings(t, unix.MS_SHARED)
	n := newNeighbour(t, filepath.Dir(point), unix.MS_RDONLY)
	for range 2 {
		kill := servedWritable(t, point, "PROPAGATE=rw")
		s, err := ReadStatus(point)
		require.NoError(t, err)
		require.Equal(t, Propagation{As: PropagateRW}, s.Propagates)
		hostWrites(t, point)
		n.reads(t, "point")
		n.mayWrite(t, "point", true)
		kill()
	}
}

// A kernel before 5.12 mounts as ever, and status says what that means.
func TestOldKernelsPropagateWritable(t *testing.T) {
	point := surroundings(t, unix.MS_SHARED)
	n := newNeighbour(t, filepath.Dir(point), unix.MS_RDONLY)
	kill := servedWritable(t, point, "OLD_KERNEL=1")
	hostWrites(t, point)
	n.mayWrite(t, "point", true)
	s, err := ReadStatus(point)
	require.NoError(t, err)
	require.Equal(t, PropagateRW, s.Propagates.As)
	require.Contains(t, s.Propagates.Reason, "before Linux 5.12")
	text, err := os.ReadFile(filepath.Join(point, ".infisicalfs/status"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	kill()
}

// The mount's own instance is not what is known of it elsewhere: its flags are
// the same as ever.
func TestHereTheMountIsWritable(t *testing.T) {
	for _, propagate := range []Propagate{"", PropagateRO, PropagateRW} {
		cfg, _ := writable(t)
		cfg.Propagate = propagate
		m := mounted(t, cfg)
		mounts, err := mounttable.Read()
		require.NoError(t, err)
		options := strings.Split(mounts.At(m.point).Options, ",")
		require.Subset(t, options, []string{"rw", "nosuid", "nodev", "noexec"})
		require.Contains(t, strings.Split(mounts.At(m.point).VFSOptions, ","), "rw")
	}
	cfg, _ := writable(t)
	cfg.Propagate = "readonly"
	require.ErrorContains(t, cfg.Validate(), `cannot propagate as "readonly"`)
}

// What is put back into the tree, made from an instance that somebody has
// elsewhere, propagates as before.
func TestWhatIsPutBackPropagatesReadOnly(t *testing.T) {
	for _, propagate := range []Propagate{PropagateRO, PropagateRW} {
		t.Run(string(propagate), func(t *testing.T) {
			point := surroundings(t, unix.MS_SHARED)
			fake := sample()
			cfg := config(point, fake)
			cfg.Writer, cfg.Propagate = fake.Writer(), propagate
			m := mounted(t, cfg)
			bind := surroundings(t, unix.MS_PRIVATE)
			require.NoError(t, unix.Mount(point, bind, "", unix.MS_BIND, ""))
			n := newNeighbour(t, filepath.Dir(point), unix.MS_RDONLY)
			require.NoError(t, attach.Unmount(t.Context(), point, attach.Cleanly))
			requireFree(t, point)
			_, err := m.comeBack(t.Context(), control.Peer{}, nil)
			require.NoError(t, err)
			hostWrites(t, point)
			n.reads(t, "point")
			n.mayWrite(t, "point", propagate == PropagateRW)
		})
	}
}
