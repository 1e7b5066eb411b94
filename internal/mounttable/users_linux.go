package mounttable

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Users finds other processes, as far as this one may look at them, that have something of a
// mount of each connection: a working or root directory, open files, mapped files. In the
// mount namespace of the mount such a process keeps it from being unmounted, and
// wherever it is, the connection from ending. The mounts are asked nothing. A process
// that cannot be looked at because it is just being started is named for each mount that it can see.
func Users(connections ...int) map[int][]Holder {
	found := map[int][]Holder{}
	for _, pid := range Processes() {
		if pid == os.Getpid() {
			continue
		}
		proc := filepath.Join("/proc", strconv.Itoa(pid))
		uses, ok := ask(func() map[int][]string { return usesOf(proc, connections) })
		if !ok {
			uses = perhaps(proc, connections)
		}
		for connection, uses := range uses {
			h := holder(pid, "")
			h.Uses = uses
			found[connection] = append(found[connection], h)
		}
	}
	return found
}

// beingStarted is what is said of a process that has kept the question waiting, see ask.
const beingStarted = "is being started, what it has is not known"

// perhaps is usesOf for such a process, which may have something of each mount that it can see.
func perhaps(proc string, connections []int) map[int][]string {
	uses := map[int][]string{}
	mounts, _ := Of(proc)
	for _, m := range mounts {
		if m.Major == 0 && slices.Contains(connections, m.Minor) {
			uses[m.Minor] = []string{beingStarted}
		}
	}
	return uses
}

// usesOf says what the process at proc has of each.
func usesOf(proc string, connections []int) map[int][]string {
	uses := map[int][]string{}
	use := func(link, as string) {
		if c := leads(filepath.Join(proc, link)); slices.Contains(connections, c) {
			uses[c] = append(uses[c], as)
		}
	}
	use("cwd", "working directory")
	use("root", "root directory")
	entries, _ := os.ReadDir(filepath.Join(proc, "fd"))
	open := map[int]int{}
	for _, e := range entries {
		open[leads(filepath.Join(proc, "fd", e.Name()))]++
	}
	maps, _ := os.ReadFile(filepath.Join(proc, "maps"))
	for _, c := range connections {
		switch n := open[c]; n {
		case 0:
		case 1:
			uses[c] = append(uses[c], "1 open file")
		default:
			uses[c] = append(uses[c], fmt.Sprintf("%d open files", n))
		}
		if strings.Contains(string(maps), fmt.Sprintf(" 00:%02x ", c)) {
			uses[c] = append(uses[c], "mapped files")
		}
	}
	return uses
}

// leads returns the number of the connection, or other file system without a block
// device, that a link of /proc leads into; 0 if into none. The link's text tells
// files from what is none, and its end is not asked for anything but that number,
// which the kernel knows.
func leads(link string) int {
	text, err := os.Readlink(link)
	if err != nil || !strings.HasPrefix(text, "/") {
		return 0
	}
	var st unix.Statx_t
	err = unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, 0, &st)
	if err != nil || st.Dev_major != 0 {
		return 0
	}
	return int(st.Dev_minor)
}
