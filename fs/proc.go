package fs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// signals is a set of signals as /proc shows it: bit n-1 is signal n.
type signals uint64

func set(list ...syscall.Signal) (s signals) {
	for _, signal := range list {
		s |= 1 << (signal - 1)
	}
	return s
}

var (
	// stopping are the signals that ask a program to stop what it does, whether it
	// handles them or not. SIGHUP and SIGTERM are none: an editor that handles one
	// saves what was typed, and the other may come while it does.
	stopping = set(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGALRM, syscall.SIGKILL)
	// harmless are those that do not end a program that does not handle them.
	harmless = set(syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH,
		syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
)

// threadStatus is what we need of /proc/TID/status.
type threadStatus struct {
	process, parent                   int
	hasMemory                         bool // not on its way out
	pending, blocked, ignored, caught signals
}

func readStatus(thread uint32) (s threadStatus, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		mask := func() signals {
			bits, _ := strconv.ParseUint(value, 16, 64)
			return signals(bits)
		}
		switch key {
		case "Tgid":
			s.process, err = strconv.Atoi(value)
		case "PPid":
			s.parent, _ = strconv.Atoi(value)
		case "VmSize":
			s.hasMemory = true
		case "SigPnd", "ShdPnd":
			s.pending |= mask()
		case "SigBlk":
			s.blocked = mask()
		case "SigIgn":
			s.ignored = mask()
		case "SigCgt":
			s.caught = mask()
		}
	}
	return s, err
}

// programOf returns what the kernel calls the program of a thread, at most 15
// characters of its file's name; "" if that cannot be found out.
func programOf(thread uint32) string {
	if thread == 0 {
		return ""
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", thread))
	return strings.TrimSuffix(string(text), "\n")
}

// threadStat is what we need of /proc/TID/stat, see proc(5).
type threadStat struct {
	exiting bool           // the kernel is taking it apart
	signal  syscall.Signal // that ended it; 0 without one, and when we may not know
}

// readStat must not be called for a thread that may be executing a new program:
// that closes files and waits for our answer with a lock that the kernel wants
// for this. A thread without memory is past that.
func readStat(thread uint32) (s threadStat, err error) {
	// The thread's own file: its process's would also show signals that stop it.
	path := fmt.Sprintf("/proc/%d/task/%d/stat", thread, thread)
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	// The second field is the program's name in brackets and may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const first, flags, exitCode = 3, 9, 52
	if len(fields) <= exitCode-first {
		return s, errors.New("unknown format of " + path)
	}
	at := func(field int) uint64 {
		n, _ := strconv.ParseUint(fields[field-first], 10, 64)
		return n
	}
	const flagExiting = 4 // PF_EXITING
	return threadStat{exiting: at(flags)&flagExiting != 0, signal: syscall.Signal(at(exitCode) & 0x7f)}, nil
}
