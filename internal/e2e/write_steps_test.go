package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// stepsProgram and replaceProgram build testdata/steps and testdata/replace, once.
var (
	stepsProgram   = sync.OnceValues(func() (string, error) { return buildProgram("steps") })
	replaceProgram = sync.OnceValues(func() (string, error) { return buildProgram("replace") })
)

// buildProgram returns the path of a program of testdata, or what the compiler said.
func buildProgram(name string) (string, error) {
	path := filepath.Join(filepath.Dir(program), name)
	out, err := exec.Command("go", "build", "-o", path, "./testdata/"+name).CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
}

// process is a program that does one system call at a time, as it is told.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startProcess starts a process in dir. It is gone when the test ends.
func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	path, err := stepsProgram()
	require.NoError(t, err, path)
	p := &process{cmd: shell(dir, "exec "+path)}
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewReader(out)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.wait(t)
	})
	return p
}

// stepLimit is how long a step may take; a test that hangs says where.
const stepLimit = time.Minute

// wait waits until the process is no more.
func (p *process) wait(t *testing.T) {
	t.Helper()
	ended := make(chan struct{})
	go func() { p.cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(stepLimit):
		t.Errorf("the process %d does not end", p.cmd.Process.Pid)
	}
}

// begin has the process do a step and does not wait for it.
func (p *process) begin(step ...string) error {
	line, err := json.Marshal(step)
	if err != nil {
		return err
	}
	_, err = p.in.Write(append(line, '\n'))
	return err
}

// end waits for the answer to begin. An error is a syscall.Errno, or says that
// the process is no more.
func (p *process) end() (string, error) {
	line, err := p.line()
	if err != nil {
		return "", err
	}
	var answer struct{ Errno, Data string }
	if err := json.Unmarshal(line, &answer); err != nil {
		return "", err
	}
	if answer.Errno != "" {
		return "", errnoNamed(answer.Errno)
	}
	return answer.Data, nil
}

func (p *process) line() ([]byte, error) {
	type read struct {
		line []byte
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := p.out.ReadBytes('\n')
		done <- read{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-time.After(stepLimit):
		return nil, errors.New("the step does not end")
	}
}

func (p *process) try(step ...string) (string, error) {
	if err := p.begin(step...); err != nil {
		return "", err
	}
	return p.end()
}

// do has the process do a step that must go well.
func (p *process) do(t *testing.T, step ...string) string {
	t.Helper()
	data, err := p.try(step...)
	require.NoError(t, err, step)
	return data
}

// fails has the process do a step that must fail with this error.
func (p *process) fails(t *testing.T, want syscall.Errno, step ...string) {
	t.Helper()
	_, err := p.try(step...)
	require.ErrorIs(t, err, want, step)
}

// end it with a signal, and wait until the kernel has closed its files.
func (p *process) kill(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(signal))
	p.wait(t)
	require.NotNil(t, p.cmd.ProcessState, "%s ends it", signal)
	require.True(t, p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled(), "the signal ended it")
}

// exit ends it with an exit code; what is open is closed by the kernel.
func (p *process) exit(t *testing.T, code string) {
	t.Helper()
	require.NoError(t, p.begin("exit", code))
	p.wait(t)
	require.NotNil(t, p.cmd.ProcessState, "it ends")
	require.True(t, p.cmd.ProcessState.Exited())
}

// errnoNamed is the opposite of unix.ErrnoName.
func errnoNamed(name string) error {
	for errno := syscall.Errno(1); errno < 200; errno++ {
		if unix.ErrnoName(errno) == name {
			return errno
		}
	}
	return errUnknown(name)
}

type errUnknown string

func (e errUnknown) Error() string { return string(e) }
