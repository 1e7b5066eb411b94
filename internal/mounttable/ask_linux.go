package mounttable

import (
	"os"
	"path/filepath"
	"time"
)

// How long a process may keep a question about it waiting, and how many may do so at once.
const (
	patience   = 250 * time.Millisecond
	maxUnended = 16
)

// unended has a place for each question that was not answered yet.
var unended = make(chan struct{}, maxUnended)

// ask returns what question finds in /proc about another process; false if the kernel does
// not say in time. That is so while the process is being started (execve): what it
// had open and does not keep is closed then, which a FUSE file system is asked for, and until
// that has answered the kernel lets nobody see the process's namespaces, directories,
// descriptors and memory. The mount that does not answer may well be the one that
// somebody wants to know the users of.
//
// A question that is left behind ends when the file system answers or ends, and with this process.
func ask[T any](question func() T) (answer T, ok bool) {
	select {
	case unended <- struct{}{}:
	default:
		return answer, false
	}
	found := make(chan T, 1)
	go func() {
		defer func() { <-unended }()
		found <- question()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case answer = <-found:
		return answer, true
	case <-timer.C:
		return answer, false
	}
}

// Namespace names the mount namespace of the process at proc; "" if this process may not
// know, or cannot.
func Namespace(proc string) string {
	name, _ := ask(func() string { name, _ := os.Readlink(filepath.Join(proc, "ns/mnt")); return name })
	return name
}
