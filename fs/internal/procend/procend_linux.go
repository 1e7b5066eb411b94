package procend

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Watch calls ended, once and from a goroutine of its own, when the process
// ends. It holds a pidfd and no thread. Stop makes it forget the process: ended
// is not called after it has returned, unless it is running already. The error
// is the kernel's: there is no such process, or no pidfd (before Linux 5.3).
//
// The caller has to know that pid still is the process that is meant, as it does
// while that waits for an answer of ours.
func Watch(pid int, ended func(How)) (stop func(), err error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "pidfd") // non-blocking: the runtime's poller waits for it
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	go func() {
		how, over := Unknown, false
		err := conn.Read(func(fd uintptr) bool {
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			if n, err := unix.Poll(poll, 0); err != nil || n == 0 {
				return err != nil && err != unix.EINTR
			}
			how, over = ending(int(fd), pid), true
			return true
		})
		if err == nil && over {
			ended(how)
		}
		file.Close()
	}()
	return func() { file.Close() }, nil
}

// ending says how the process of a readable pidfd ended. Until its parent has
// fetched its exit code that is in /proc, and afterwards in the pidfd (Linux
// 6.15). In between one of the two may just not be there yet, so both are asked
// twice.
func ending(fd, pid int) How {
	for range 2 {
		if how := ofZombie(pid); how != Unknown {
			return how
		}
		info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
		if unix.IoctlPidfdInfo(fd, &info) == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0 {
			return ofStatus(int(info.Exit_code))
		}
	}
	return Unknown
}

// ofZombie reads the exit code of a process that nobody has waited for. The
// number of the process cannot be used again until then. Of a process that we
// may not trace the kernel says 0, which is no answer.
func ofZombie(pid int) How {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Unknown
	}
	// The second field is the program's name in brackets and may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const state, exitCode, first = 3, 52, 3
	if len(fields) <= exitCode-first || fields[state-first] != "Z" {
		return Unknown
	}
	status, err := strconv.Atoi(fields[exitCode-first])
	if err != nil || status == 0 {
		return Unknown
	}
	return ofStatus(status)
}

// ofStatus reads a status as wait(2) returns it.
func ofStatus(status int) How {
	if status&0x7f != 0 {
		return Killed
	}
	return Exited
}
