package caller

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// maxFiles bounds how many descriptors are looked at.
const maxFiles = 1024

// Writes reports whether p is known to have a file of that inode number open for
// writing. The answer is no if p is nobody, may not be looked at, or has too many
// files open, and before Linux 5.14, whose /proc does not tell inode numbers.
func (p Process) Writes(ino uint64) bool {
	if !p.Known() {
		return false
	}
	path := fmt.Sprintf("/proc/%d/fdinfo", p.PID)
	dir, err := os.Open(path)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxFiles)
	for _, name := range names {
		text, err := os.ReadFile(path + "/" + name)
		if err == nil && isOpenFor(string(text), ino) {
			return true
		}
	}
	return false
}

// isOpenFor reports whether a file of /proc/PID/fdinfo, see proc(5), is about that
// inode, open for writing.
func isOpenFor(text string, ino uint64) bool {
	var writes, same bool
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "flags":
			flags, err := strconv.ParseUint(value, 8, 64)
			writes = err == nil && flags&syscall.O_ACCMODE != syscall.O_RDONLY
		case "ino":
			n, err := strconv.ParseUint(value, 10, 64)
			same = err == nil && n == ino
		}
	}
	return writes && same
}
