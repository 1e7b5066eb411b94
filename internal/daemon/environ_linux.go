package daemon

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// HideVariables takes the values of environment variables out of what the kernel shows
// of this process in /proc/PID/environ, which is what it was started with. The program
// still has them. What cannot be hidden stays.
//
// Call it before anything else looks at the environment: Go's strings are in the memory
// that is overwritten, and the variables are set again to copies.
func HideVariables(secret func(name, value string) bool) {
	shown, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		return
	}
	start, ok := environStart()
	if !ok {
		return
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer memory.Close()
	at := start
	for entry := range bytes.SplitSeq(shown, []byte{0}) {
		name, value, _ := strings.Cut(string(entry), "=") // copies
		if value != "" && secret(name, value) && os.Setenv(name, value) == nil {
			_, _ = memory.WriteAt(make([]byte, len(value)), at+int64(len(name)+1))
		}
		at += int64(len(entry)) + 1
	}
	clear(shown)
}

// environStart is the address of the environment that the process was started with.
func environStart() (address int64, ok bool) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	_, after, ok := strings.Cut(string(text), ") ") // the name before it is ours, and has none
	fields := strings.Fields(after)
	const environ = 50 - 3 // the 50th field, and the third is the first here
	if !ok || len(fields) <= environ {
		return 0, false
	}
	address, err = strconv.ParseInt(fields[environ], 10, 64)
	return address, err == nil && address > 0
}
