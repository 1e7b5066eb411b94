//go:build linux

package mount

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/control"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/secret"
)

// readOnly is a mount that another process could go on with.
func readOnly(point string, up secret.Upstream) Config {
	cfg := config(point, up)
	cfg.Settings, cfg.FS.Notify = "all alike", NotifyFull
	return cfg
}

// bigger is more than fits into what the kernel reads at once from a file without cache.
var bigger = bytes.Repeat([]byte("0123456789abcdef"), 1024)

// next serves a mount after another process, or first. VALUE is what the secret has that
// tests change. AWAY has the server away, as is found out by logging in if it is "login". FORMATS
// are those that it speaks, if not all. LINKS has secrets be links into generations,
// FULL has the kernel open files by itself.
func next() error {
	if only := os.Getenv("FORMATS"); only != "" {
		handover.Formats = nil
		for format := range strings.FieldsSeq(only) {
			n, err := strconv.Atoi(format)
			if err != nil {
				return err
			}
			handover.Formats = append(handover.Formats, n)
		}
	}
	up := sample()
	up.Set(devDir, "CHANGED", os.Getenv("VALUE"))
	up.Set(devDir, "BIGGER", string(bigger))
	up.Set(devDir.Child("sub"), "INSIDE", "a value")
	cfg := readOnly(os.Getenv("POINT"), up)
	cfg.Replace = true
	if os.Getenv("LINKS") != "" {
		cfg.Layout.Kind = "k8s"
		if err := sameDates(up); err != nil {
			return err
		}
	}
	if os.Getenv("FULL") != "" {
		cfg.FS.KernelCache = fs.CacheFull
	}
	if away := os.Getenv("AWAY"); away != "" {
		up.FailAll(secret.ErrUnavailable)
		if away == "login" {
			cfg.Root, cfg.Away = secret.Dir{}, fmt.Errorf("log in: %w", secret.ErrUnavailable)
		}
	}
	cfg.FS.PersonalReadOnly = os.Getenv("PERSON") != ""
	m, err := New(context.Background(), cfg)
	if err != nil {
		return err
	}
	fmt.Print("mounted")
	return m.Wait()
}

// nextThatFails takes part in handing a mount over up to the step that STEP names, and
// fails there, or is stuck if WAITS is set. With OLDER it is a version that does not take what
// is known, and is not sent it.
func nextThatFails() error {
	top, err := findOurs(context.Background(), os.Getenv("POINT"))
	if err != nil {
		return err
	}
	formats := handover.Formats
	if os.Getenv("OLDER") != "" {
		formats = []int{handover.Whole, 1}
	}
	c, device, err := offered(top, formats)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"document", func() error { return nil }},
		{"ready", func() error { return handover.Send(c, handover.Message{Word: handover.Ready}, -1) }},
		{"taken over", func() error {
			_, known, err := handover.Receive(c)
			if (known < 0) != (os.Getenv("OLDER") != "") {
				return errors.Join(err, fmt.Errorf("what is known came as descriptor %d", known))
			}
			return err
		}},
		{"read", func() error { // and does not answer
			_, err := unix.FcntlInt(uintptr(device), unix.F_SETFL, unix.O_RDWR)
			if err == nil {
				_, err = unix.Read(device, make([]byte, 1<<20))
			}
			return err
		}},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if step.name != os.Getenv("STEP") {
			continue
		}
		fmt.Print("reached")
		if os.Getenv("WAITS") != "" {
			select {}
		}
		return errors.New("failing as told")
	}
	return errors.New("there is no such step")
}

// offered is offered the mount and returns the descriptor of its connection, once the
// one before us has come to its end.
func offered(top *mountinfo.Info, formats []int) (*net.UnixConn, int, error) {
	for {
		c, _, err := control.Open(context.Background(), behind(top), callReplace, map[string]string{wordSettings: "all alike"})
		if err != nil {
			return nil, -1, err
		}
		if err := handover.Send(c, handover.Message{Hello: formats}, -1); err == nil {
			if _, device, err := handover.Receive(c); err == nil {
				return c, device, nil
			}
		}
		c.Close()
		time.Sleep(10 * time.Millisecond)
	}
}

// manyProcessors has a process use what processors there are, also in a run with one: on
// a busy machine one cannot answer requests faster than they come, and a process that
// does not get to an end of them refuses to hand over.
const manyProcessors = "GOMAXPROCS="

// servedNext begins a process that goes on with the mount at point. Where the process
// before has no time for that, it serves on, and is asked again, as people are told to.
func servedNext(t testing.TB, point, value string, environment ...string) *exec.Cmd {
	t.Helper()
	for range 10 {
		cmd, said := askedNext(t, point, value, environment...)
		if said == "mounted" {
			return cmd
		}
		t.Log(said)
		require.Regexp(t, "a request takes long to answer|did not hand it over", said)
		_, err := ReadStatus(point)
		require.NoError(t, err, "nobody serves")
	}
	t.Fatal("nobody goes on with the mount")
	return nil
}

// askedNext begins a process that is to go on with the mount at point, and returns what that
// says first.
func askedNext(t testing.TB, point, value string, environment ...string) (cmd *exec.Cmd, said string) {
	t.Helper()
	cmd = again("next", append([]string{"POINT=" + point, "VALUE=" + value, manyProcessors}, environment...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	text := make([]byte, 4096)
	n, err := out.Read(text)
	require.NoError(t, err)
	return cmd, string(text[:n])
}
