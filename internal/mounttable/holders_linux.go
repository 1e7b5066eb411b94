package mounttable

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/moby/sys/mountinfo"
)

// Holders finds who has a mount of each connection: bind mounts that this
// process sees, other mount namespaces, each with the eldest process in it
// that this one may look at, and [Users]. A plain user sees only his own processes; a
// namespace without a process nobody sees here. All processes are looked at once,
// however many connections there are.
func Holders(connections ...int) map[int][]Holder {
	found := map[int][]Holder{}
	if len(connections) == 0 {
		return found
	}
	namespaces(func(pid int, mounts Table) {
		for _, m := range mounts {
			if Ours(m) && slices.Contains(connections, m.Minor) {
				found[m.Minor] = append(found[m.Minor], holder(pid, m.Mountpoint))
			}
		}
	})
	for connection, users := range Users(connections...) {
		for _, user := range users {
			if !slices.ContainsFunc(found[connection], func(h Holder) bool { return h.PID == user.PID }) {
				found[connection] = append(found[connection], user)
			}
		}
	}
	return found
}

// holder is the process, by its name; 0 is this one's namespace.
func holder(pid int, point string) Holder {
	h := Holder{PID: pid, Mountpoint: point}
	if pid != 0 {
		comm, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
		h.Command = strings.Map(graphic, strings.TrimSpace(string(comm)))
	}
	return h
}

// graphic leaves nothing in a name that a terminal would obey. A process names itself.
func graphic(r rune) rune {
	if unicode.IsGraphic(r) {
		return r
	}
	return '?'
}

// namespaces calls do with the table of this mount namespace, with 0 for its process,
// and of each other one, with the eldest process in it that this one may look at.
func namespaces(do func(pid int, mounts Table)) {
	seen := map[string]bool{}
	look := func(pid int, proc string) {
		namespace := Namespace(proc)
		if namespace == "" || seen[namespace] {
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
