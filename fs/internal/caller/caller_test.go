//go:build linux

package caller

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoIsKnown(t *testing.T) {
	a, b, again := Process{7, 1}, Process{8, 2}, Process{7, 3}
	require.False(t, Process{}.Known())
	require.True(t, a.Known())
	for name, c := range map[string]struct {
		p, q  Process
		other bool
	}{
		"the same":                 {a, a, false},
		"two":                      {a, b, true},
		"the number is used again": {a, again, true},
		"nobody and somebody":      {Process{}, a, false},
		"somebody and nobody":      {a, Process{}, false},
	} {
		require.Equal(t, c.other, c.p.Other(c.q), name)
	}
}

func TestOfAndParent(t *testing.T) {
	me := Of(uint32(os.Getpid()))
	require.Equal(t, os.Getpid(), me.PID)
	require.Equal(t, me, Of(uint32(os.Getpid())))
	require.Equal(t, me, Of(uint32(syscall.Gettid())), "a thread is of its process")
	require.Equal(t, os.Getppid(), me.Parent().PID)
	require.Equal(t, Process{}, Process{}.Parent())
	require.Equal(t, Process{}, Of(math.MaxInt32), "there is no such thread")
	child := exec.Command("sleep", "100")
	require.NoError(t, child.Start())
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	require.Equal(t, me, Of(uint32(child.Process.Pid)).Parent())
}

func TestNobodyMakesNoDifference(t *testing.T) {
	require.Empty(t, Program(0))
	require.False(t, Killed(0))
	require.True(t, WantsOut(0), "nobody would be kept waiting for")
	require.False(t, Shreds(0))
	require.False(t, Killed(math.MaxInt32))
	require.True(t, WantsOut(math.MaxInt32))
	var processes Processes
	require.Equal(t, Process{}, processes.Of(0))
}

func TestProgramIsCutByTheKernel(t *testing.T) {
	name := filepath.Base(os.Args[0])
	require.Equal(t, name[:min(len(name), 15)], Program(uint32(os.Getpid())))
}

// What was found out counts for a second, and of so many threads.
func TestProcessesAreRememberedForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var processes Processes
		me := uint32(os.Getpid())
		who := processes.Of(me)
		require.Equal(t, os.Getpid(), who.PID)
		processes.seen[me] = sighting{Process{PID: 7}, time.Now()}
		require.Equal(t, 7, processes.Of(me).PID)
		time.Sleep(sightingLasts)
		require.Equal(t, who, processes.Of(me))
		for thread := range uint32(2 * maxSightings) {
			processes.Of(math.MaxInt32 - thread)
			require.LessOrEqual(t, len(processes.seen), maxSightings)
		}
	})
}

func TestWhoWantsOut(t *testing.T) {
	mask := func(list ...syscall.Signal) string { return fmt.Sprintf("%016x", uint64(set(list...))) }
	for name, c := range map[string]struct {
		pending, shared, blocked, ignored, caught string
		want                                      bool
	}{
		"no signal":                       {},
		"^C":                              {shared: mask(syscall.SIGINT), want: true},
		"^C, which the program handles":   {shared: mask(syscall.SIGINT), caught: mask(syscall.SIGINT), want: true},
		"an alarm of the thread":          {pending: mask(syscall.SIGALRM), caught: mask(syscall.SIGALRM), want: true},
		"^C, which is ignored":            {shared: mask(syscall.SIGINT), ignored: mask(syscall.SIGINT)},
		"^C, which is blocked":            {shared: mask(syscall.SIGINT), blocked: mask(syscall.SIGINT)},
		"KILL":                            {shared: mask(syscall.SIGKILL), want: true},
		"TERM":                            {shared: mask(syscall.SIGTERM), want: true},
		"TERM, which the program handles": {shared: mask(syscall.SIGTERM), caught: mask(syscall.SIGTERM)},
		"a hang-up that is handled":       {shared: mask(syscall.SIGHUP), caught: mask(syscall.SIGHUP)},
		"the end of a child":              {shared: mask(syscall.SIGCHLD)},
		"the end of a handled child":      {shared: mask(syscall.SIGCHLD), caught: mask(syscall.SIGCHLD)},
		"a stop":                          {shared: mask(syscall.SIGTSTP)},
		"a child's end and TERM":          {pending: mask(syscall.SIGCHLD), shared: mask(syscall.SIGTERM), want: true},
	} {
		s, err := parseStatus(fmt.Sprintf("Name:\tcat\nTgid:\t7\nPPid:\t3\nVmSize:\t 1 kB\nSigPnd:\t%s\nShdPnd:\t%s\nSigBlk:\t%s\nSigIgn:\t%s\nSigCgt:\t%s\n",
			c.pending, c.shared, c.blocked, c.ignored, c.caught))
		require.NoError(t, err)
		require.Equal(t, []int{7, 3}, []int{s.process, s.parent})
		require.True(t, s.hasMemory)
		require.Equal(t, c.want, s.wantsOut(), name)
	}
	_, err := parseStatus("Tgid:\tx\n")
	require.Error(t, err)
}

// The program's name can look like the rest of the line.
func TestWhoWasKilled(t *testing.T) {
	line := func(name, flags, exitCode string) string {
		fields := strings.Fields(strings.Repeat("0 ", 52))
		fields[0], fields[1], fields[2], fields[8], fields[51] = "7", "("+name+")", "S", flags, exitCode
		return strings.Join(fields, " ")
	}
	for name, c := range map[string]struct {
		line string
		want bool
	}{
		"alive":                      {line("cat", "4194304", "0"), false},
		"exits":                      {line("cat", "4194308", "0"), false},
		"exits with an error":        {line("cat", "4194308", "256"), false},
		"killed":                     {line("cat", "4194308", "9"), true},
		"killed, with a core":        {line("cat", "4194308", "139"), true},
		"a signal, but not yet gone": {line("cat", "4194304", "9"), false},
		"a strange name":             {line("a) S 1 (b", "4194308", "15"), true},
	} {
		s, ok := parseStat([]byte(c.line))
		require.True(t, ok, name)
		require.Equal(t, c.want, s.killed(), name)
	}
	_, ok := parseStat([]byte("7 (cat) S 1 2 3"))
	require.False(t, ok)
}
