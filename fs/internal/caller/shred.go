package caller

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// Shreds reports whether the thread is one of shred(1) that is going to remove the
// file (-u). It writes random bytes over a file, which no value can have, and gives
// up if it cannot; then the secret would stay. So what it writes is to be taken and
// to go nowhere. Nothing else is treated like that: other programs mean what they
// write.
func Shreds(thread uint32) bool {
	if Program(thread) != "shred" {
		return false
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", thread))
	return err == nil && shredRemoves(strings.Split(string(line), "\x00"))
}

// shredRemoves reports whether shred's arguments have -u or --remove.
func shredRemoves(args []string) bool {
	if len(args) == 0 || path.Base(args[0]) != "shred" {
		return false
	}
	for i := 1; i < len(args) && args[i] != "--"; i++ {
		arg := args[i]
		switch {
		case strings.HasPrefix(arg, "--rem"):
			return true
		case strings.HasPrefix(arg, "--") || !strings.HasPrefix(arg, "-"):
			continue
		}
		flags, value, hasValue := arg[1:], "", false
		if at := strings.IndexAny(flags, "ns"); at >= 0 { // the rest is a number
			flags, value, hasValue = flags[:at], flags[at+1:], true
		}
		if strings.Contains(flags, "u") {
			return true
		}
		if hasValue && value == "" {
			i++
		}
	}
	return false
}
