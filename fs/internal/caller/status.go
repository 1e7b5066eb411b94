package caller

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// threadStatus is what we need of /proc/TID/status.
type threadStatus struct {
	process, parent                   int
	hasMemory                         bool   // not on its way out
	user                              uint32 // as whom it uses file systems
	hasUser                           bool
	groups                            []uint32 // besides its own
	pending, blocked, ignored, caught signals
}

func readStatus(thread uint32) (threadStatus, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return threadStatus{}, err
	}
	return parseStatus(string(text))
}

func parseStatus(text string) (s threadStatus, err error) {
	for line := range strings.Lines(text) {
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
		case "Uid": // real, effective, saved, for file systems
			if ids := strings.Fields(value); len(ids) == 4 {
				uid, err := strconv.ParseUint(ids[3], 10, 32)
				s.user, s.hasUser = uint32(uid), err == nil
			}
		case "Groups":
			for _, id := range strings.Fields(value) {
				if gid, err := strconv.ParseUint(id, 10, 32); err == nil {
					s.groups = append(s.groups, uint32(gid))
				}
			}
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

// readName returns the program's name, "" if it cannot be read.
func readName(thread uint32) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", thread))
	return strings.TrimSuffix(string(text), "\n")
}

// threadStat is what we need of /proc/TID/stat, see proc(5).
type threadStat struct {
	exiting bool           // the kernel is taking it apart
	signal  syscall.Signal // that ended it; 0 without one, and when we may not know
}

func (s threadStat) killed() bool { return s.exiting && s.signal != 0 }

// readStat must not be called for a thread that may be executing a new program:
// that closes files and waits for our answer with a lock that the kernel wants
// for this. A thread without memory is past that.
func readStat(thread uint32) (threadStat, error) {
	// The thread's own file: its process's would also show signals that stop it.
	path := fmt.Sprintf("/proc/%d/task/%d/stat", thread, thread)
	text, err := os.ReadFile(path)
	if err != nil {
		return threadStat{}, err
	}
	s, ok := parseStat(text)
	if !ok {
		return s, errors.New("unknown format of " + path)
	}
	return s, nil
}

func parseStat(text []byte) (s threadStat, ok bool) {
	// The second field is the program's name in brackets and may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const first, flags, exitCode = 3, 9, 52
	if len(fields) <= exitCode-first {
		return s, false
	}
	at := func(field int) uint64 {
		n, _ := strconv.ParseUint(fields[field-first], 10, 64)
		return n
	}
	const flagExiting = 4 // PF_EXITING
	return threadStat{exiting: at(flags)&flagExiting != 0, signal: syscall.Signal(at(exitCode) & 0x7f)}, true
}
