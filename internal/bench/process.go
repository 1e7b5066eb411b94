//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// What the kernel knows of a process. It tells root and, except of processes
// that cannot be traced, the owner.

// resident is how much memory a process has, in bytes: now, and at most so far.
func resident(pid int) (now, most int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	kib := func(name string) int64 { return field(string(text), name) << 10 }
	return kib("VmRSS"), kib("VmHWM"), nil
}

// readCalls is how often a process called read, which for the server of a mount
// is once for each message of the kernel.
func readCalls(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	return field(string(text), "syscr"), err
}

// descriptors is how many files a process has open.
func descriptors(pid int) (int, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(list), err
}

// field finds "name: number" in a text of /proc; 0 without.
func field(text, name string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			if words := strings.Fields(rest); len(words) > 0 {
				n, _ := strconv.ParseInt(words[0], 10, 64)
				return n
			}
		}
	}
	return 0
}
