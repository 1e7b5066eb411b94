package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/mount"
)

// The sessions in testdata are what a person types and sees. Each
// word that is not testscript's own is explained where it is defined.
func TestSessions(t *testing.T) { testscript.Run(t, sessions()) }

func sessions() testscript.Params {
	return testscript.Params{
		Dir:                 "testdata",
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails":    fails,
			"fuse":     needFUSE,
			"root":     needRoot,
			"programs": needPrograms,
			"server":   startServer,
			"dead":     deadServer,
			"login":    login,
			"token":    writeToken,
			"revoke":   revokeToken,
			"hang":     hang,
			"gateway":  gateway,
			"logins":   logins,
			"edit":     edit,
			"deny":     deny,
			"grant":    grant,
			"until":    until,
			"signal":   signalMount,
			"mounts":   mounts,
			"ended":    ended,
		},
	}
}

func setup(env *testscript.Env) error {
	w := &world{t: env.T(), dir: env.WorkDir}
	env.Values[worldKey{}] = w
	race := filepath.Join(env.WorkDir, "race")
	env.Setenv("GORACE", "atexit_sleep_ms=10 log_path="+race)
	nomad, err := filepath.Abs("../../deploy/nomad")
	if err != nil {
		return err
	}
	env.Setenv("NOMAD", nomad)
	env.Defer(func() {
		w.endMounts()
		w.endServers()
		reports, _ := filepath.Glob(race + ".*")
		for _, report := range reports {
			text, _ := os.ReadFile(report)
			env.T().(testing.TB).Errorf("%s", text)
		}
	})
	return nil
}

// needFUSE ("fuse") skips the script where nothing can be mounted.
func needFUSE(ts *testscript.TestScript, _ bool, _ []string) {
	if _, err := attach.Examine(); err != nil {
		skip(ts, err)
	}
}

// needRoot ("root") skips the script for plain users.
func needRoot(ts *testscript.TestScript, _ bool, _ []string) {
	if os.Geteuid() != 0 {
		skip(ts, errors.New("not root"))
	}
}

// needPrograms ("programs NAME...") skips the script where one is not installed.
func needPrograms(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			skip(ts, err)
		}
	}
}

func skip(ts *testscript.TestScript, why error) {
	if os.Getenv("REQUIRE_FUSE") != "" {
		ts.Fatalf("REQUIRE_FUSE is set: %v", why)
	}
	worldOf(ts).t.Skip(why)
}

// fails ("fails CODE PROGRAM ARGS...") runs a program that must end with this
// exit code, print an error and a hint in one line each, leave no mount behind
// that was not there before, and show no secret.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE PROGRAM ARGS...")
	}
	w := worldOf(ts)
	before := ourMounts(w.dir + "/")
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, wanted %s", code, want)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if !complaint.MatchString(stderr) {
		ts.Fatalf("wanted one line with the error and one with a hint")
	}
	if after := ourMounts(w.dir + "/"); !slices.Equal(before, after) {
		ts.Fatalf("mounts before: %q, after: %q", before, after)
	}
	w.mustNotShow(ts, stdout+stderr)
}

// complaint is what a failure looks like; in the foreground log lines may come
// before it.
var complaint = regexp.MustCompile(`\A(time=[^\n]+\n)*infisicalfs: error: [^\n]+\ninfisicalfs: hint: [^\n]+\n\z`)

// mounts ("mounts DIR...") demands that just these are mounted.
func mounts(ts *testscript.TestScript, _ bool, args []string) {
	var want []string
	for _, dir := range args {
		want = append(want, ts.MkAbs(dir))
	}
	if have := ourMounts(worldOf(ts).dir + "/"); !slices.Equal(have, want) {
		ts.Fatalf("mounted: %q, wanted: %q", have, want)
	}
}

// until waits for something that is about to happen:
//
//	until mounted DIR          a mount is there and answers
//	until gone DIR             it is there no longer
//	until matches REGEXP FILE  a file has it
//	until asked PATH           the newest server has got such a request
//	until ended PIDFILE        the process is gone
//	until hangup DIR WHAT      SIGHUP does that to the mount's process
func until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until mounted|gone|matches|asked|ended …")
	}
	w := worldOf(ts)
	var happened func() bool
	switch args[0] {
	case "mounted": // and its start is over: the process can be asked
		happened = func() bool {
			_, err := mount.Rejected(context.Background(), ts.MkAbs(args[1]))
			return err == nil
		}
	case "gone":
		happened = func() bool { return !slices.Contains(ourMounts(w.dir+"/"), ts.MkAbs(args[1])) }
	case "matches":
		re := regexp.MustCompile(args[1])
		happened = func() bool { text, _ := os.ReadFile(ts.MkAbs(args[2])); return re.Match(text) }
	case "hangup":
		happened = func() bool { s, err := mount.ReadStatus(ts.MkAbs(args[1])); return err == nil && s.Hangup == args[2] }
	case "asked":
		happened = func() bool { return w.newest(ts).asked(args[1]) }
	case "ended":
		pid := strings.TrimSpace(ts.ReadFile(args[1]))
		happened = func() bool { return hasEnded(pid) }
	default:
		ts.Fatalf("until what?")
	}
	if !poll(happened) {
		ts.Fatalf("waited in vain for %q", args)
	}
}

// ended ("ended PIDFILE") demands that the process has ended, whether or not its
// parent has asked for that.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	pid := strings.TrimSpace(ts.ReadFile(args[0]))
	if alive := !hasEnded(pid); alive != neg {
		ts.Fatalf("process %s: alive: %v", pid, alive)
	}
}

// hasEnded reports whether all threads of a process have ended.
func hasEnded(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return true
	}
	_, state, _ := strings.Cut(string(stat), ") ") // the name before it may have anything
	threads, _ := os.ReadDir("/proc/" + pid + "/task")
	return (strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")) && len(threads) <= 1
}

// poll looks again and again for half a minute.
func poll(happened func() bool) bool {
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return happened()
		}
	}
	return true
}

// signalMount ("signal NAME DIR [PIDFILE]") sends a signal to the process behind
// a mount, and writes its number to PIDFILE.
func signalMount(ts *testscript.TestScript, _ bool, args []string) {
	number := unix.SignalNum("SIG" + args[0])
	status, err := mount.ReadStatus(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(args) > 2 {
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strconv.Itoa(status.PID)), 0o600))
	}
	ts.Check(unix.Kill(status.PID, number))
}
