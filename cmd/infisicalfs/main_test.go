package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
)

// In a script the program is this test binary, under the program's names, so
// that it runs with the race detector and without being built again.
func TestMain(m *testing.M) {
	commands := map[string]func(){"infisicalfs": main, "mount.infisicalfs": main, "fusemount": fusemount}
	if commands[filepath.Base(os.Args[0])] == nil {
		forgetSettings()
		fusetest.HeedSignals()
	}
	testscript.Main(suite{m}, commands)
}

// forgetSettings keeps what a developer has set from changing the outcome. The
// umask is one: configuration files that others can write are refused.
func forgetSettings() {
	unix.Umask(0o022)
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "INFISICAL") {
			name, _, _ := strings.Cut(v, "=")
			os.Unsetenv(name)
		}
	}
}

// suite is all tests and the look around afterwards: no mount and no process of
// theirs may be left.
type suite struct{ *testing.M }

func (s suite) Run() int {
	program, err := exec.LookPath("infisicalfs")
	if err != nil {
		panic(err)
	}
	code := s.M.Run()
	if left := ourMounts(filepath.Join(os.TempDir(), "go-test-script")); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "mounts left behind: %q\n", left)
		code = 1
	}
	programs := filepath.Dir(program)
	if !poll(func() bool { return len(processesIn(programs)) == 0 }) {
		fmt.Fprintf(os.Stderr, "processes left behind: %v\n", processesIn(programs))
		code = 1
	}
	return code
}

// ourMounts lists the mountpoints of infisicalfs whose paths begin with prefix.
func ourMounts(prefix string) []string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		panic(err)
	}
	var points []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if strings.Contains(line, " - fuse.infisicalfs ") && strings.HasPrefix(fields[4], prefix) {
			points = append(points, fields[4])
		}
	}
	return points
}

// processesIn lists the processes whose program lies in dir.
func processesIn(dir string) []string {
	var pids []string
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, dir+"/") {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}
