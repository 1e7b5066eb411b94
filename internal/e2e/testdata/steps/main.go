// Steps does one system call per line of its input and answers each with a line:
// it is a program that a test can lead by the hand, and kill between any two
// steps. A line is a JSON list of strings, the answer an [Answer].
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Answer says how a step went. Errno is empty if it went well.
type Answer struct{ Errno, Data string }

// files are the open descriptors by the names that the test gave them.
var files = map[string]int{}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var step []string
		if err := json.Unmarshal(in.Bytes(), &step); err != nil {
			panic(err)
		}
		if step[0] == "exit" {
			code, _ := strconv.Atoi(step[1])
			os.Exit(code) // without closing anything
		}
		data, err := do(step[0], step[1:])
		answer := Answer{Data: data}
		if err != nil {
			answer.Errno = name(err)
		}
		if err := out.Encode(answer); err != nil {
			panic(err)
		}
	}
}

func name(err error) string {
	if errno, ok := err.(unix.Errno); ok {
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func do(op string, args []string) (string, error) {
	switch op {
	case "open": // NAME PATH FLAGS
		return "", open(args[0], args[1], args[2])
	case "write": // NAME TEXT
		return "", writeAll(files[args[0]], args[1])
	case "pwrite": // NAME OFFSET TEXT
		_, err := unix.Pwrite(files[args[0]], []byte(args[2]), int64(number(args[1])))
		return "", err
	case "read": // NAME, from the start
		return readAll(files[args[0]])
	case "ftruncate": // NAME SIZE
		return "", unix.Ftruncate(files[args[0]], int64(number(args[1])))
	case "fsync": // NAME
		return "", unix.Fsync(files[args[0]])
	case "close": // NAME
		return "", unix.Close(files[args[0]])
	case "dup": // NAME NEW
		fd, err := unix.Dup(files[args[0]])
		files[args[1]] = fd
		return "", err
	case "child": // NAME: a child inherits the descriptor and ends
		return "", child(uintptr(files[args[0]]))
	case "mmap": // NAME: shared, for writing
		_, err := unix.Mmap(files[args[0]], 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return "", err
	case "cat": // PATH
		if err := open("", args[0], "r"); err != nil {
			return "", err
		}
		defer unix.Close(files[""])
		return readAll(files[""])
	case "put": // PATH TEXT [FLAGS]: open, write, close
		return "", put(args[0], args[1], append(args[2:], "w,creat,trunc")[0])
	case "size": // PATH
		var st unix.Stat_t
		err := unix.Stat(args[0], &st)
		return fmt.Sprint(st.Size), err
	case "rename": // FROM TO
		return "", unix.Rename(args[0], args[1])
	case "unlink": // PATH
		return "", unix.Unlink(args[0])
	}
	return "", fmt.Errorf("no such step: %s", op)
}

// child runs a program that has fd open and does nothing with it.
func child(fd uintptr) error {
	path, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	pid, err := syscall.ForkExec(path, []string{"true"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2, fd}})
	if err != nil {
		return err
	}
	_, err = unix.Wait4(pid, nil, 0, nil)
	return err
}

var flagBits = map[string]int{
	"r": unix.O_RDONLY, "w": unix.O_WRONLY, "rw": unix.O_RDWR, "creat": unix.O_CREAT,
	"excl": unix.O_EXCL, "trunc": unix.O_TRUNC, "append": unix.O_APPEND,
}

func open(name, path, flags string) error {
	bits, mode := unix.O_CLOEXEC, uint32(0o644)
	for flag := range strings.SplitSeq(flags, ",") {
		bit, ok := flagBits[flag]
		if !ok {
			n, err := strconv.ParseUint(flag, 8, 32)
			if err != nil {
				return err
			}
			mode = uint32(n)
		}
		bits |= bit
	}
	fd, err := unix.Open(path, bits, mode)
	if err != nil {
		return err
	}
	files[name] = fd
	return nil
}

func put(path, text, flags string) error {
	if err := open("", path, flags); err != nil {
		return err
	}
	err := writeAll(files[""], text)
	if closeErr := unix.Close(files[""]); err == nil {
		err = closeErr
	}
	return err
}

func writeAll(fd int, text string) error {
	for len(text) > 0 {
		n, err := unix.Write(fd, []byte(text))
		if err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

func readAll(fd int) (string, error) {
	var text []byte
	for chunk := make([]byte, 64<<10); ; {
		n, err := unix.Pread(fd, chunk, int64(len(text)))
		if err != nil {
			return "", err
		}
		if n == 0 {
			return string(text), nil
		}
		text = append(text, chunk[:n]...)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}
