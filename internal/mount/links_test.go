//go:build linux

package mount

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// sameDates has secrets be as old in each process as they are on a server.
func sameDates(up *secrettest.Fake) error {
	for _, dir := range []secret.Dir{devDir, devDir.Child("sub")} {
		snap, err := up.Folder(context.Background(), dir, secret.NeedProof)
		if err != nil {
			return err
		}
		for _, s := range snap.Secrets {
			s.Created, s.Updated = time.Unix(1e9, 0), time.Unix(1e9, 0)
			up.Put(dir, s)
		}
	}
	return nil
}

// links does what programs do with a mount that looks like a volume of Kubernetes, where
// nothing changes.
func (r *reader) links() {
	r.reads("..data/GREETING", "hello, world")
	r.reads("GREETING", "hello, world")
	r.reads("sub/INSIDE", "a value")
	r.begin("by the generation's name", func() error {
		data, err := os.Readlink(r.path("..data"))
		if err != nil {
			return err
		}
		return is("hello, world")(os.ReadFile(r.path(data + "/GREETING")))
	})
	r.lacks("ABSENT", "..data/ABSENT")
	r.walks()
	held, err := os.Open(r.path("BIGGER"))
	r.holds("a held file", held, err)
	direct, err := r.direct("BIGGER")
	r.holds("a held file past the cache", direct, err)
	dir := r.lists("..data", "[BIGGER CHANGED GREETING]")
	r.begin("from a held generation", func() error {
		fd, err := unix.Openat(int(dir.Fd()), "GREETING", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), "GREETING")
		defer f.Close()
		return is("hello, world")(io.ReadAll(f))
	})
}

// linkWatch watches the directory of a mount, the file that GREETING leads to, and that
// which CHANGED leads to.
type linkWatch struct {
	t      *testing.T
	fd     int
	called map[int32]string
}

func watchLinks(t *testing.T, point string) *linkWatch {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	w := &linkWatch{t: t, fd: fd, called: map[int32]string{}}
	w.add(point, "", unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVE)
	w.add(filepath.Join(point, "GREETING"), "GREETING", unix.IN_DELETE_SELF|unix.IN_MODIFY|unix.IN_CLOSE_WRITE)
	w.add(filepath.Join(point, "CHANGED"), "CHANGED", unix.IN_DELETE_SELF|unix.IN_MODIFY|unix.IN_CLOSE_WRITE)
	return w
}

func (w *linkWatch) add(path, called string, mask uint32) {
	wd, err := unix.InotifyAddWatch(w.fd, path, mask)
	require.NoError(w.t, err)
	w.called[int32(wd)] = called
}

// heard returns what was heard since the last time.
func (w *linkWatch) heard() (list []string) {
	buf := make([]byte, 64<<10)
	n, err := unix.Read(w.fd, buf)
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	require.NoError(w.t, err)
	for buf = buf[:n]; len(buf) > 0; {
		wd, mask := int32(binary.NativeEndian.Uint32(buf)), binary.NativeEndian.Uint32(buf[4:])
		length := binary.NativeEndian.Uint32(buf[12:])
		name := strings.TrimRight(string(buf[16:16+length]), "\x00")
		buf = buf[16+length:]
		for bit, kind := range map[uint32]string{
			unix.IN_CREATE: "created ", unix.IN_DELETE: "deleted ", unix.IN_MOVED_FROM: "moved from ", unix.IN_MOVED_TO: "moved to ",
			unix.IN_DELETE_SELF: "deleted ", unix.IN_MODIFY: "modified ", unix.IN_CLOSE_WRITE: "written ",
		} {
			if mask&bit != 0 {
				list = append(list, kind+w.called[wd]+name)
			}
		}
	}
	return list
}

// hears waits until all of that was heard, since the last time.
func (w *linkWatch) hears(want ...string) {
	w.t.Helper()
	var all []string
	missing := func() bool {
		all = append(all, w.heard()...)
		return slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(all, s) })
	}
	for over := time.Now().Add(20 * time.Second); missing(); time.Sleep(5 * time.Millisecond) {
		require.True(w.t, time.Now().Before(over), "%q, and not all of %q", all, want)
	}
}

// sameLinks is the identity of what a change would replace.
func (r *reader) sameLinks(t *testing.T) string {
	t.Helper()
	data, err := os.Readlink(r.path("..data"))
	require.NoError(t, err)
	all := data
	for _, name := range []string{"", "..data", "..data/", "GREETING", "..data/GREETING", "sub/..data/INSIDE"} {
		var st unix.Stat_t
		require.NoError(t, unix.Lstat(r.path(name), &st), name)
		all += fmt.Sprint(" ", st.Ino)
	}
	return all
}

// A generation outlives the process that has made it: programs that use the mount all the time
// do not notice restarts, also in an outage, and watchers hear nothing.
func TestLinksOutliveTheirProcess(t *testing.T) {
	u := newUnit(t)
	u.start("LINKS=yes")
	r := &reader{t: t, point: u.point}
	r.links()
	before := r.sameLinks(t)
	w := watchLinks(t, u.point)
	for range 3 {
		u.stop("restart")
		u.start("LINKS=yes")
		require.Equal(t, before, r.sameLinks(t))
	}
	for range 2 {
		u.stop("restart")
		u.start("LINKS=yes", "AWAY=yes")
		require.Equal(t, before, r.sameLinks(t))
	}
	u.stop("restart")
	u.start("LINKS=yes")
	r.stop()
	require.Empty(t, w.heard())

	// A change then is told as ever.
	u.stop("restart")
	u.start("LINKS=yes", "VALUE=another")
	w.hears("moved to ..data", "deleted CHANGED", "deleted GREETING")
	require.NoError(t, is("another")(os.ReadFile(r.path("CHANGED"))))
	u.stop("stop")
	requireFree(t, u.point)
	require.Empty(t, u.Stored())
}

// The same after kills.
func TestLinksOutliveAKill(t *testing.T) {
	u := newUnit(t)
	u.start("LINKS=yes")
	r := &reader{t: t, point: u.point}
	require.NoError(t, is("a value")(os.ReadFile(r.path("sub/INSIDE"))))
	before := r.sameLinks(t)
	w := watchLinks(t, u.point)
	const kills = 4
	through, err := os.Open(r.path("..data"))
	require.NoError(t, err)
	defer through.Close()
	held, err := r.direct("BIGGER")
	require.NoError(t, err)
	defer held.Close()
	for name, read := range map[string]func() error{
		"through ..data": func() error { return is("hello, world")(os.ReadFile(r.path("..data/GREETING"))) },
		"by a link":      func() error { return is("hello, world")(os.ReadFile(r.path("GREETING"))) },
		"held": func() error {
			got := make([]byte, 4096)
			_, err := held.ReadAt(got, 8192)
			return is(string(bigger[8192:8192+4096]))(got, err)
		},
		"a held generation": func() error {
			var st unix.Stat_t
			return unix.Fstatat(int(through.Fd()), "CHANGED", &st, 0)
		},
	} {
		r.begin(name, read)
	}
	for i := range kills {
		u.caughtUp(i)
		u.kill()
		u.start("LINKS=yes")
		require.Equal(t, before, r.sameLinks(t))
	}
	u.caughtUp(kills)
	r.stop()
	require.Empty(t, w.heard())
	u.stop("restart") // and in order
	u.start("LINKS=yes")
	require.Equal(t, before, r.sameLinks(t), "%s", u.stderr.String())
	u.stop("stop")
	requireFree(t, u.point)
}

// What has changed while nobody served is another generation, of which all who watch hear.
// Nothing of it is in what is open of the old one, and no name is absent meanwhile.
func TestLinksChangeBetweenProcesses(t *testing.T) {
	u := newUnit(t)
	next := func(killed bool, environment ...string) {
		if killed {
			u.kill()
		} else {
			u.stop("restart")
		}
		u.start(append(environment, "LINKS=yes")...)
	}
	for _, killed := range []bool{false, true} {
		u.start("LINKS=yes")
		r := &reader{t: t, point: u.point}
		old := r.sameLinks(t)
		data, err := os.Readlink(r.path("..data"))
		require.NoError(t, err)
		w := watchLinks(t, u.point)
		held, err := r.direct("CHANGED")
		require.NoError(t, err)
		cached, err := os.Open(r.path("CHANGED"))
		require.NoError(t, err)
		require.NoError(t, is("one")(io.ReadAll(cached)))
		paths := &reader{t: t, point: u.point}
		paths.begin("any path", func() error {
			for _, name := range []string{"CHANGED", "..data/CHANGED"} {
				got, err := os.ReadFile(r.path(name))
				if at := (*os.PathError)(nil); errors.As(err, &at) && at.Op == "read" && errors.Is(err, syscall.ESTALE) {
					continue // it was opened before the change
				}
				if err != nil || string(got) != "one" && string(got) != "another" {
					return fmt.Errorf("%s: %q: %w", name, got, err)
				}
			}
			return nil
		})
		next(killed, "VALUE=another")
		w.hears("created ..data_tmp", "moved to ..data", "deleted GREETING")
		require.NotEqual(t, old, r.sameLinks(t))
		require.NoError(t, is("another")(os.ReadFile(r.path("CHANGED"))))
		_, err = held.ReadAt(make([]byte, 10), 0)
		if !killed { // the process knew the old value before it heard of the new one
			require.True(t, err == nil || errors.Is(err, io.EOF) || errors.Is(err, syscall.ESTALE), "%v", err)
		} else {
			require.ErrorIs(t, err, syscall.ESTALE)
			_, err = os.ReadFile(r.path(data + "/CHANGED"))
			require.ErrorIs(t, err, syscall.ESTALE, "who has read the link before is sent to look again")
		}
		got := make([]byte, 10)
		n, err := cached.ReadAt(got, 0)
		if !errors.Is(err, syscall.ESTALE) {
			require.Equal(t, "one", string(got[:n]), "what the kernel keeps is the old value: %v", err)
		}
		now := r.sameLinks(t)
		next(!killed, "VALUE=another")
		require.Equal(t, now, r.sameLinks(t))
		paths.stop()
		require.NoError(t, held.Close())
		require.NoError(t, cached.Close())
		u.stop("stop")
		requireFree(t, u.point)
	}
}

// After a kill in an outage nobody knows what is current: that is an error of the server's and
// no absence. Afterwards it is the same generation as before.
func TestLinksAfterAKillInAnOutage(t *testing.T) {
	u := newUnit(t)
	u.start("LINKS=yes")
	r := &reader{t: t, point: u.point}
	require.NoError(t, is("a value")(os.ReadFile(r.path("sub/INSIDE"))))
	before := r.sameLinks(t)
	data, err := os.Readlink(r.path("..data"))
	require.NoError(t, err)
	held, err := r.direct("BIGGER")
	require.NoError(t, err)
	defer held.Close()
	w := watchLinks(t, u.point)
	for range 2 {
		u.kill()
		u.start("LINKS=yes", "AWAY=yes")
		for _, name := range []string{"GREETING", "..data/GREETING", data + "/GREETING", "sub/INSIDE"} {
			_, err := os.ReadFile(r.path(name))
			require.ErrorIs(t, err, syscall.EIO, name)
		}
		_, err = held.ReadAt(make([]byte, 10), 0)
		require.ErrorIs(t, err, syscall.EIO)
	}
	u.kill()
	u.start("LINKS=yes")
	u.caughtUp(1)
	require.Equal(t, before, r.sameLinks(t))
	part := make([]byte, 4096)
	_, err = held.ReadAt(part, 4096)
	require.NoError(t, err)
	require.True(t, bytes.Equal(bigger[4096:8192], part))
	require.Empty(t, w.heard())
	u.stop("stop")
}

// A mount with links can be replaced like any other, by a version that knows of generations.
func TestLinksReplaced(t *testing.T) {
	needFUSE(t)
	t.Setenv("LINKS", "yes")
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{t: t, point: point}
	r.links()
	before := r.sameLinks(t)
	w := watchLinks(t, point)
	for _, away := range []string{"", "", "yes", ""} {
		last := serving
		serving = servedNext(t, point, "one", "AWAY="+away)
		require.NoError(t, last.Wait())
		require.Equal(t, before, r.sameLinks(t))
	}
	t.Setenv("FORMATS", "3 2 1")
	_, said := askedNext(t, point, "one")
	require.Contains(t, said, "no version in common", "it does not know of generations")
	t.Setenv("FORMATS", "")
	r.stop()
	require.Empty(t, w.heard())

	last := serving
	serving = servedNext(t, point, "another")
	require.NoError(t, last.Wait())
	w.hears("created ..data_tmp", "moved to ..data", "deleted CHANGED", "deleted GREETING")
	require.NoError(t, is("another")(os.ReadFile(r.path("..data/CHANGED"))))
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}
