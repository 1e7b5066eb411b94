package control

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// directory is one that was found to be its user's alone. It is used by its
// descriptor: what stands at the path may be exchanged, and a path may be too
// long for the address of a socket.
type directory struct {
	fd   int
	path string
}

const suffix = ".sock"

// socketName is a new one for the mount with the given connection. It is no other
// socket's ever: the kernel gives the number of a connection that ended to the next
// one, and whoever removes his own socket late must not remove the other's.
func socketName(connection int) string {
	return strconv.Itoa(connection) + "." + rand.Text() + suffix
}

// connectionOf is the connection that a socket's name begins with.
func connectionOf(name string) (connection int, ok bool) {
	number, rest, _ := strings.Cut(name, ".")
	if !strings.HasSuffix(rest, suffix) {
		return 0, false
	}
	connection, err := strconv.Atoi(number)
	return connection, err == nil && connection >= 0
}

// own is the directory for the sockets of this process, which is made if need be:
// root's, the one of the user's session, or else one among temporary files.
func own() (*directory, error) {
	var failed error
	for _, path := range socketDirs(os.Geteuid()) {
		if filepath.Base(path) == "infisicalfs" {
			if _, err := os.Stat(filepath.Dir(path)); err != nil {
				failed = errors.Join(failed, err)
				continue // there is no session, and no session's directory is made
			}
		}
		if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
			failed = errors.Join(failed, err)
			continue
		}
		dir, err := enter(path, os.Geteuid())
		if err == nil {
			return dir, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// socketDirs are where the sockets of a user's processes may be, the best first.
func socketDirs(uid int) []string {
	var list []string
	add := func(path string) {
		if filepath.IsAbs(path) {
			list = append(list, path)
		}
	}
	if uid == 0 {
		add("/run/infisicalfs")
	} else {
		if uid == os.Geteuid() {
			add(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "infisicalfs"))
		}
		add(fmt.Sprintf("/run/user/%d/infisicalfs", uid))
	}
	add(filepath.Join(os.TempDir(), fmt.Sprintf("infisicalfs-%d", uid)))
	add(fmt.Sprintf("/tmp/infisicalfs-%d", uid))
	return list
}

// enter opens the directory at path. It fails if that is not a directory, if it
// does not belong to uid, or if others can enter it: among temporary files anybody
// may have made it first.
func enter(path string, uid int) (*directory, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (int(st.Uid) != uid || st.Mode&0o077 != 0) {
		err = fmt.Errorf("%s is not a directory of user %d alone", path, uid)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &directory{fd, path}, nil
}

// address is that of a socket in the directory, for this process.
func (d *directory) address(name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.fd, name)
}

func (d *directory) remove(name string) error { return unix.Unlinkat(d.fd, name, 0) }

func (d *directory) close() { unix.Close(d.fd) }

// names lists what is in the directory.
func (d *directory) names() []string {
	entries, err := os.ReadDir(d.address("."))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// listeningBy is how old a socket is whose process has had the time to listen at it.
const listeningBy = time.Minute

// sweeps says when directories were swept by this process: one with a thousand mounts, each
// with a socket, does not look at all of them for each new one.
type sweeps struct {
	mu sync.Mutex // guards at
	at map[string]time.Time
}

var swept = sweeps{at: map[string]time.Time{}}

// due reports whether a directory is to be swept now, which the caller then does.
func (s *sweeps) due(path string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.at[path]; ok && now.Sub(last) < listeningBy {
		return false
	}
	s.at[path] = now
	return true
}

// sweep removes the sockets that killed processes left behind.
func (d *directory) sweep() {
	for _, name := range d.names() {
		var st unix.Stat_t
		if _, ok := connectionOf(name); !ok || unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil ||
			time.Since(time.Unix(st.Mtim.Unix())) < listeningBy {
			continue
		}
		c, err := net.Dial("unix", d.address(name))
		if errors.Is(err, unix.ECONNREFUSED) {
			_ = d.remove(name) // or somebody else was faster
		}
		if err == nil {
			c.Close()
		}
	}
}
