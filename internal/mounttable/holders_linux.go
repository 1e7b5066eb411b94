package mounttable

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Holders finds who still has a mount of the connection: bind mounts that this
// process sees, and other mount namespaces, each with the eldest process in it
// that this one may look at. A plain user sees only his own processes; a
// namespace without a process, and a file that is still open, nobody sees here.
func Holders(connection int) []Holder {
	var found []Holder
	namespaces(func(pid int, mounts Table) {
		for _, m := range mounts {
			if Ours(m) && m.Minor == connection {
				found = append(found, holder(pid, m.Mountpoint))
			}
		}
	})
	return found
}

// holder is the process, by its name; 0 is this one's namespace.
func holder(pid int, point string) Holder {
	h := Holder{PID: pid, Mountpoint: point}
	if pid != 0 {
		comm, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
		h.Command = strings.TrimSpace(string(comm))
	}
	return h
}

// namespaces calls do with the table of this mount namespace, with 0 for its process,
// and of each other one, with the eldest process in it that this one may look at.
func namespaces(do func(pid int, mounts Table)) {
	seen := map[string]bool{}
	look := func(pid int, proc string) {
		namespace, err := os.Readlink(filepath.Join(proc, "ns/mnt"))
		if err != nil || seen[namespace] {
			return
		}
		seen[namespace] = true
		mounts, _ := Of(proc) // fails if it ended while it was read
		do(pid, mounts)
	}
	look(0, "/proc/self")
	for _, pid := range Processes() {
		look(pid, "/proc/"+strconv.Itoa(pid))
	}
}

// Processes lists those of this process's namespace, the smallest number first.
func Processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// Of is the mount table that the process at proc sees.
func Of(proc string) (Table, error) {
	f, err := os.Open(filepath.Join(proc, "mountinfo"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return mountinfo.GetMountsFromReader(f, nil)
}
