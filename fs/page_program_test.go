//go:build linux

package fs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/pagecache"
)

// pageProgram is a process that reads files through the kernel's pages. It is another one
// than that of the mount, because a page fault can hold a lock of all memory that a
// process has, and the process of the mount needs that to answer.
type pageProgram struct {
	t  testing.TB
	to *json.Encoder
	of *json.Decoder
}

// pageRequest asks a pageProgram to do something with a file that it calls by a name.
type pageRequest struct {
	Do, File, Path string
	Flags          int
	Text           string
}

type pageAnswer struct {
	Text  string
	Errno syscall.Errno
	Fails string
}

const isPageProgram = "INFISICALFS_TEST_PAGE_PROGRAM"

func init() {
	if os.Getenv(isPageProgram) != "" {
		servePages(os.Stdin, os.Stdout)
		os.Exit(0)
	}
}

func startPageProgram(t testing.TB) *pageProgram {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), isPageProgram+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		require.NoError(t, cmd.Wait())
	})
	return &pageProgram{t, json.NewEncoder(in), json.NewDecoder(out)}
}

// do returns what was read. The error is an errno; where a program would get SIGBUS it is
// EFAULT.
func (p *pageProgram) do(r pageRequest) (string, error) {
	p.t.Helper()
	var a pageAnswer
	require.NoError(p.t, p.to.Encode(r))
	require.NoError(p.t, p.of.Decode(&a))
	require.Empty(p.t, a.Fails, r)
	if a.Errno != 0 {
		return "", a.Errno
	}
	return a.Text, nil
}

func (p *pageProgram) must(r pageRequest) {
	p.t.Helper()
	_, err := p.do(r)
	require.NoError(p.t, err, r.Do)
}

// read reads a file that is open, in one of the ways of pageReaders, or what "map" mapped
// ("mapping").
func (p *pageProgram) read(how, file string) (string, error) {
	p.t.Helper()
	return p.do(pageRequest{Do: how, File: file})
}

// open opens a file for reading and returns what is read of it by read(2).
func (p *pageProgram) open(file, path string, flags int) string {
	p.t.Helper()
	p.must(pageRequest{Do: "open", File: file, Path: path, Flags: flags})
	text, err := p.read("read", file)
	require.NoError(p.t, err)
	return text
}

func servePages(from io.Reader, to io.Writer) {
	requests, answers := json.NewDecoder(from), json.NewEncoder(to)
	files, mappings := map[string]int{}, map[string][]byte{}
	for {
		var r pageRequest
		if requests.Decode(&r) != nil {
			return
		}
		text, err := r.serve(files, mappings)
		a := pageAnswer{Text: text}
		if err != nil && !errors.As(err, &a.Errno) {
			a.Fails = err.Error()
		}
		if answers.Encode(a) != nil {
			return
		}
	}
}

func (r pageRequest) serve(files map[string]int, mappings map[string][]byte) (text string, err error) {
	switch r.Do {
	case "open":
		files[r.File], err = unix.Open(r.Path, r.Flags|unix.O_CLOEXEC, 0)
	case "close":
		err = unix.Close(files[r.File])
	case "write":
		_, err = unix.Pwrite(files[r.File], []byte(r.Text), 0)
	case "map":
		mappings[r.File], err = mapPrivate(files[r.File])
	case "mapping":
		text, err = textOfMapping(mappings[r.File])
	case "unmap":
		err = unix.Munmap(mappings[r.File])
	default:
		read, ok := pageReaders[r.Do]
		if !ok {
			return "", fmt.Errorf("no such request: %s", r.Do)
		}
		text, err = read(files[r.File])
	}
	return text, err
}

// pageReaders are the ways to read an open file that go through the kernel's pages
// whether it was opened so or not, and one that does not.
var pageReaders = map[string]func(fd int) (string, error){
	"mmap": func(fd int) (string, error) {
		mapped, err := mapPrivate(fd)
		if err != nil {
			return "", err
		}
		defer unix.Munmap(mapped)
		return textOfMapping(mapped)
	},
	"sendfile": func(fd int) (string, error) {
		return through(func(to int) (int, error) {
			var offset int64
			return unix.Sendfile(to, fd, &offset, pagecache.OneRead)
		})
	},
	"splice": func(fd int) (string, error) {
		return through(func(to int) (int, error) {
			var offset, written int64
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
				return 0, err
			}
			defer unix.Close(pipe[0])
			defer unix.Close(pipe[1])
			n, err := unix.Splice(fd, &offset, pipe[1], nil, pagecache.OneRead, 0)
			if err != nil || n == 0 {
				return 0, err
			}
			_, err = unix.Splice(pipe[0], nil, to, &written, int(n), 0)
			return int(n), err
		})
	},
	"readahead": func(fd int) (string, error) {
		return "", unix.Fadvise(fd, 0, 0, unix.FADV_WILLNEED)
	},
	"read": func(fd int) (string, error) {
		text := make([]byte, pagecache.OneRead)
		n, err := unix.Pread(fd, text, 0)
		return string(text[:max(n, 0)]), err
	},
}

func mapPrivate(fd int) ([]byte, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, err
	}
	return unix.Mmap(fd, 0, int(stat.Size), unix.PROT_READ, unix.MAP_PRIVATE)
}

// textOfMapping copies a mapping by a system call, which fails where a program would get
// SIGBUS.
func textOfMapping(mapped []byte) (string, error) {
	return through(func(to int) (int, error) { return unix.Pwrite(to, mapped, 0) })
}

// through returns what fill writes to a file in memory.
func through(fill func(to int) (int, error)) (string, error) {
	to, err := unix.MemfdCreate("through", unix.MFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(to)
	n, err := fill(to)
	if err != nil {
		return "", err
	}
	text := make([]byte, n)
	n, err = unix.Pread(to, text, 0)
	return string(text[:max(n, 0)]), err
}
