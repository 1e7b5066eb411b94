package mount

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// accounts knows the machine's own users and groups. A directory service is not
// asked: the question comes up while somebody waits for a stat, and it may take
// longer than that may.
type accounts struct {
	known atomic.Pointer[accountTable]
}

// accountTable is what the files said. It is not changed.
type accountTable struct {
	users, groups map[string]uint32
	read          time.Time
}

// rereadAfter is how often the files are read for a name that is not in them.
const rereadAfter = 10 * time.Second

// number returns the number of a user or a group.
func (a *accounts) number(name string, group bool) (uint32, bool) {
	known := a.known.Load()
	id, ok := known.find(name, group)
	if !ok && (known == nil || time.Since(known.read) >= rereadAfter) {
		known = &accountTable{readAccounts("/etc/passwd"), readAccounts("/etc/group"), time.Now()}
		a.known.Store(known)
		id, ok = known.find(name, group)
	}
	return id, ok
}

func (t *accountTable) find(name string, group bool) (id uint32, ok bool) {
	switch {
	case t == nil:
	case group:
		id, ok = t.groups[name]
	default:
		id, ok = t.users[name]
	}
	return id, ok
}

// readAccounts reads lines that begin with NAME:PASSWORD:NUMBER. What cannot be
// read has no names.
func readAccounts(path string) map[string]uint32 {
	text, _ := os.ReadFile(path)
	known := make(map[string]uint32)
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 4)
		if len(fields) < 3 || fields[0] == "" {
			continue
		}
		if number, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			known[fields[0]] = uint32(number)
		}
	}
	return known
}
