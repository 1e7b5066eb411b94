//go:build linux

package fs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/emit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// emitting is a mounted world whose changes are told to watchers by a thread that
// comes through the mountpoint.
func emitting(t *testing.T, change ...func(*Config)) (w *world, dir string) {
	w = newWorld(append([]func(*Config){func(c *Config) {
		c.Notify = NotifyFull
		c.EmitThread = func(do func(root int)) error { return emitThrough(dir, do) }
	}}, change...)...)
	dir = fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	return w, dir
}

// emitThrough calls do on a thread that comes through the mountpoint.
func emitThrough(dir string, do func(root int)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		do(root)
		err = unix.Close(root)
	}
	return err
}

// bothEmitting runs test with a world that may be written and one that may not.
func bothEmitting(t *testing.T, test func(t *testing.T, w *world, dir string), change ...func(*Config)) {
	t.Run("read-only", func(t *testing.T) { w, dir := emitting(t, change...); test(t, w, dir) })
	t.Run("writable", func(t *testing.T) {
		w, dir := emitting(t, append(change, writing)...)
		test(t, w, dir)
	})
}

// heard returns what inotify says of path while do runs: "MODIFY KEY".
func heard(t *testing.T, path string, do func()) (list []string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	require.NoError(t, err)
	defer unix.Close(fd)
	kinds := []struct {
		mask uint32
		name string
	}{
		{unix.IN_MODIFY, "MODIFY"}, {unix.IN_ATTRIB, "ATTRIB"}, {unix.IN_CLOSE_WRITE, "CLOSE_WRITE"},
		{unix.IN_CREATE, "CREATE"}, {unix.IN_DELETE, "DELETE"}, {unix.IN_DELETE_SELF, "DELETE_SELF"},
		{unix.IN_MOVED_FROM, "MOVED_FROM"}, {unix.IN_MOVED_TO, "MOVED_TO"},
	}
	all := uint32(0)
	for _, kind := range kinds {
		all |= kind.mask
	}
	_, err = unix.InotifyAddWatch(fd, path, all)
	require.NoError(t, err)
	do()
	buf := make([]byte, 64<<10)
	n, err := unix.Read(fd, buf)
	if err == unix.EAGAIN {
		return nil
	}
	require.NoError(t, err)
	for buf = buf[:n]; len(buf) > 0; {
		mask, length := binary.NativeEndian.Uint32(buf[4:]), binary.NativeEndian.Uint32(buf[12:])
		name := strings.TrimRight(string(buf[16:16+length]), "\x00")
		buf = buf[16+length:]
		for _, kind := range kinds {
			if mask&kind.mask != 0 {
				list = append(list, strings.TrimSpace(kind.name+" "+name))
			}
		}
	}
	return list
}

func TestWatchersHear(t *testing.T) {
	value := []string{"MODIFY GREETING", "ATTRIB GREETING", "CLOSE_WRITE GREETING"}
	for name, c := range map[string]struct {
		prepare, change func(w *world)
		want            []string
	}{
		"a new value":           {change: func(w *world) { w.Set(dev, "GREETING", "hi") }, want: value},
		"a value that is empty": {change: func(w *world) { w.Set(dev, "GREETING", "") }, want: value},
		"a new name":            {change: func(w *world) { w.Set(dev, "NEW", "x") }, want: []string{"CREATE NEW", "CLOSE_WRITE NEW"}},
		"a name that went":      {change: func(w *world) { w.Remove(dev, "EMPTY") }, want: []string{"DELETE EMPTY"}},
		"a new folder":          {change: func(w *world) { w.Mkdir(dev.Child("jobs")) }, want: []string{"CREATE jobs"}},
		"a folder that went": {
			prepare: func(w *world) { w.Mkdir(dev.Child("jobs")) },
			change:  func(w *world) { w.Remove(dev, "jobs") }, want: []string{"DELETE jobs"},
		},
		"a folder that took a name": {
			change: func(w *world) { w.Mkdir(dev.Child("EMPTY")) },
			want:   []string{"DELETE EMPTY", "CREATE EMPTY", "CREATE EMPTY%secret", "CLOSE_WRITE EMPTY%secret"},
		},
		"a name that is escaped": {
			change: func(w *world) { w.Set(dev, "a/b", "x") }, want: []string{"CREATE a%2Fb", "CLOSE_WRITE a%2Fb"},
		},
		"a comment": {
			change: func(w *world) {
				s, _ := w.Own(dev, "GREETING")
				s.Comment, s.Version, s.Updated = "c", s.Version+1, s.Updated.Add(time.Second)
				w.Put(dev, s)
			},
			want: []string{"ATTRIB GREETING"},
		},
		"a value that is hidden now": {
			change: func(w *world) {
				s, _ := w.Own(dev, "GREETING")
				s.Hidden, s.Value = true, secret.Value{}
				w.Put(dev, s)
			},
			want: []string{"ATTRIB GREETING"},
		},
		"nothing": {change: func(*world) {}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, looked := range []bool{true, false} { // has the kernel seen the names before?
				bothEmitting(t, func(t *testing.T, w *world, dir string) {
					if c.prepare != nil {
						c.prepare(w)
					}
					at := filepath.Join(dir, "demo/dev")
					if looked {
						require.NoError(t, filepath.WalkDir(at, func(path string, _ os.DirEntry, err error) error {
							if err == nil {
								_, err = os.Lstat(path)
							}
							return err
						}))
					}
					asked := 0
					got := heard(t, at, func() {
						change := w.change(t, dev, func() { c.change(w) })
						w.answer(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
							asked++
							return nil, secret.ErrUnavailable
						})
						w.announce(change)
					})
					require.Equal(t, c.want, got)
					require.Zero(t, asked, "an event asked the server")
					require.Zero(t, w.Counts().Notify.Failed, w.Counts().Notify.Error)
					w.answer(w.Folder)
					require.Equal(t, listed(t, w, dev), names(t, at), "what is there is what the server has")
				})
			}
		})
	}
}

// listed returns what a folder shows.
func listed(t *testing.T, w *world, dir secret.Dir) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for name := range filename.All(snapshot(t, w.Fake, dir)) {
		found[name] = true
	}
	return found
}

func names(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		_, err := os.Lstat(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		found[e.Name()] = true
	}
	return found
}

// Who reads while an event is emitted gets one version, and its size.
func TestEventsLeaveOpenFilesAlone(t *testing.T) {
	bothEmitting(t, func(t *testing.T, w *world, dir string) {
		path := filepath.Join(dir, "demo/dev/GREETING")
		open, err := os.Open(path)
		require.NoError(t, err)
		defer open.Close()
		w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", "a longer value than before") }))
		text := make([]byte, 100)
		n, err := open.Read(text)
		if !errors.Is(err, syscall.ESTALE) { // the version is gone from the kernel's memory
			require.NoError(t, err)
			require.Equal(t, "hello, world", string(text[:n]))
		}
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, len("a longer value than before"), info.Size())
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "a longer value than before", string(now))
	}, ttl(time.Hour))
}

// What is done here makes its own events, and no others.
func TestOwnChangesAreNotTold(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, at string) error
		want []string
	}{
		"write":  {func(t *testing.T, at string) error { return os.WriteFile(at+"/GREETING", []byte("mine"), 0o600) }, []string{"MODIFY GREETING", "CLOSE_WRITE GREETING"}},
		"create": {func(t *testing.T, at string) error { return os.WriteFile(at+"/NEW", []byte("mine"), 0o600) }, []string{"CREATE NEW", "MODIFY NEW", "CLOSE_WRITE NEW"}},
		"remove": {func(t *testing.T, at string) error { return os.Remove(at + "/EMPTY") }, []string{"DELETE EMPTY"}},
		"rename": {func(t *testing.T, at string) error { return os.Rename(at+"/EMPTY", at+"/FULL") }, []string{"MOVED_FROM EMPTY", "MOVED_TO FULL"}},
		"mkdir":  {func(t *testing.T, at string) error { return os.Mkdir(at+"/jobs", 0o700) }, []string{"CREATE jobs"}},
		"rmdir":  {func(t *testing.T, at string) error { return os.Remove(at + "/empty") }, []string{"DELETE empty"}},
		"move a folder": {func(t *testing.T, at string) error { return os.Rename(at+"/empty", at+"/full") },
			[]string{"MOVED_FROM empty", "MOVED_TO full"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := emitting(t, writing)
			w.Mkdir(dev.Child("empty"))
			at := filepath.Join(dir, "demo/dev")
			_ = names(t, at)
			require.Equal(t, c.want, heard(t, at, func() {
				before := snapshot(t, w.Fake, dev)
				require.NoError(t, c.do(t, at))
				w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w.Fake, dev)})
			}))
			// Somebody else's change of the same place is told.
			require.NotEmpty(t, heard(t, at, func() {
				w.announce(w.change(t, dev, func() {
					w.Remove(dev, "GREETING")
					w.Remove(dev, "NEW")
					w.Set(dev, "EMPTY", "again")
					w.Remove(dev, "FULL")
				}))
			}))
		})
	}
}

// A name that is looked up just before the event is emitted is believed by the kernel, which
// then has to be made to forget it.
func TestNewsOfWhatIsKnownAlready(t *testing.T) {
	var at string
	looks := 0
	bothEmitting(t, func(t *testing.T, w *world, dir string) {
		at, looks = filepath.Join(dir, "demo/dev"), 0
		_ = names(t, at)
		got := heard(t, at, func() {
			w.announce(w.change(t, dev, func() { w.Set(dev, "NEW", "x"); w.Remove(dev, "EMPTY") }))
		})
		require.Equal(t, []string{"DELETE EMPTY", "CREATE NEW", "CLOSE_WRITE NEW"}, got)
		require.Greater(t, looks, 2, "it was to be tried again")
	}, ttl(time.Hour), func(c *Config) {
		thread := c.EmitThread
		c.EmitThread = func(do func(int)) error {
			if looks++; looks < 5 {
				_, err := os.Stat(at + "/NEW")
				require.NoError(t, err)
				_, err = os.Stat(at + "/EMPTY")
				require.ErrorIs(t, err, syscall.ENOENT)
			}
			return thread(do)
		}
	})
}

// Who enters a new folder before watchers are told of it stays in it: its dentry
// is not dropped, which getcwd(2) would call ENOENT.
func TestNewFolderThatSomebodyIsIn(t *testing.T) {
	bothEmitting(t, func(t *testing.T, w *world, dir string) {
		at := filepath.Join(dir, "demo/dev")
		_ = names(t, at)
		change := w.change(t, dev, func() { w.Mkdir(dev.Child("jobs")) })
		inside, err := unix.Open(at+"/jobs", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(inside)
		got := heard(t, at, func() { w.announce(change) })
		is, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", inside))
		require.NoError(t, err)
		require.Equal(t, at+"/jobs", is)
		require.Equal(t, []string{"ATTRIB"}, got, "of the directory")
	}, ttl(time.Hour))
}

// olderKernel cannot be asked to let go of an inode.
type olderKernel struct{ fusefs.ServerCallbacks }

func (k olderKernel) InodeNotify(node uint64, off, length int64) fuse.Status {
	if off == Prune {
		return fuse.ENOSYS
	}
	return k.ServerCallbacks.InodeNotify(node, off, length)
}

// listener is a file system that gives away who its notifications go through.
type listener struct {
	fuse.RawFileSystem
	heard *olderKernel
}

func (l listener) Init(server *fuse.Server) { l.heard.ServerCallbacks = server }

// A kernel that cannot tell whether somebody is in a new folder, and knows it from
// a listing, is told of it all the same.
func TestNewFolderOnAnOlderKernel(t *testing.T) {
	var dir string
	w := newWorld(writing, ttl(time.Hour), func(c *Config) {
		c.Notify, c.EmitThread = NotifyFull, func(do func(root int)) error { return emitThrough(dir, do) }
	})
	t.Cleanup(w.Close)
	options, kernel := w.Options(), &olderKernel{}
	options.ServerCallbacks = kernel
	dir = fusetest.MountedThrough(t, w.Root(), options, func(raw fuse.RawFileSystem) fuse.RawFileSystem { return listener{raw, kernel} })
	at := filepath.Join(dir, "demo/dev")
	_ = names(t, at)
	change := w.change(t, dev, func() { w.Mkdir(dev.Child("jobs")) })
	require.DirExists(t, at+"/jobs")
	require.Equal(t, []string{"CREATE jobs"}, heard(t, at, func() { w.announce(change) }))
}

// Nobody but the emitting thread may do what it does.
func TestNobodyElseEmits(t *testing.T) {
	w, dir := emitting(t)
	at := filepath.Join(dir, "demo/dev")
	w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", "hi") }))
	_, err := os.OpenFile(at+"/GREETING", os.O_WRONLY, 0)
	require.ErrorIs(t, err, syscall.EROFS)
	require.ErrorIs(t, os.WriteFile(at+"/NEW", nil, 0o600), syscall.EROFS)
	require.ErrorIs(t, os.Remove(at+"/GREETING"), syscall.EROFS)
	require.ErrorIs(t, os.Mkdir(at+"/jobs", 0o700), syscall.EROFS)
	require.ErrorIs(t, os.Remove(at+"/payments"), syscall.EROFS)
	require.ErrorIs(t, os.Chtimes(at+"/GREETING", time.Now(), time.Now()), syscall.EROFS)
	require.ErrorIs(t, os.Chmod(at+"/GREETING", 0o600), syscall.EROFS)

	info, err := os.Stat(at + "/GREETING")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(at+"/GREETING", info.ModTime(), info.ModTime()), "it changes nothing")
	require.ErrorIs(t, os.Chtimes(at+"/GREETING", info.ModTime(), info.ModTime().Add(1)), syscall.EROFS)
}

// What the emitting thread does beyond its event is refused, and reaches nobody.
func TestEventsDoNothingElse(t *testing.T) {
	w, mounted := emitting(t, writing)
	at := filepath.Join(mounted, "demo/dev")
	_ = names(t, at)
	w.announce(w.change(t, dev, func() { w.Set(dev, "GREETING", "hi") })) // finds out the thread
	e := emit.Event{Kind: emit.Changed, Dir: dev, Shown: "GREETING", Name: "GREETING", Secret: &secret.Secret{Name: "GREETING"}}
	way := operations(w.inode(dev)).(*dir).way()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	w.emitter.As(uint32(unix.Gettid()), &emit.Attempt[*dir]{Event: &e, Way: way}, func() {
		require.Equal(t, errUnforeseen, unix.Unlink(at+"/EMPTY"))
		require.Equal(t, errUnforeseen, unix.Unlink(at+"/GREETING"))
		require.Equal(t, errUnforeseen, unix.Mkdir(at+"/jobs", 0o700))
		require.Equal(t, errUnforeseen, unix.Rmdir(at+"/payments"))
		require.Equal(t, errUnforeseen, unix.Truncate(at+"/GREETING", 0))
		_, err := unix.Open(at+"/GREETING", unix.O_RDONLY, 0)
		require.Equal(t, errUnforeseen, err)
		_, err = unix.Open(at+"/GREETING", unix.O_WRONLY|unix.O_TRUNC, 0)
		require.Equal(t, errUnforeseen, err)
	})
	w.requireValue(t, dev, "GREETING", "hi")
	w.requireValue(t, dev, "EMPTY", "")
}

// Unless requests are known to name the thread, they could be anybody's, and only
// what changes nothing is done.
func TestEventsOfAThreadThatIsNotNamed(t *testing.T) {
	elsewhere, err := unix.Open(t.TempDir(), unix.O_PATH|unix.O_CLOEXEC, 0) // where nobody sees whose requests they are
	require.NoError(t, err)
	defer unix.Close(elsewhere)
	w, dir := emitting(t, writing, func(c *Config) {
		c.EmitThread = func(do func(int)) error { do(elsewhere); return nil }
	})
	at := filepath.Join(dir, "demo/dev")
	_ = names(t, at)
	require.Empty(t, heard(t, at, func() {
		w.announce(w.change(t, dev, func() { w.Set(dev, "NEW", "x"); w.Remove(dev, "EMPTY") }))
	}))
	require.EqualValues(t, 2, w.Counts().Notify.Failed)
	require.Contains(t, w.Counts().Notify.Error, "requests do not name the thread that made them")
	w.requireValue(t, dev, "NEW", "x")
}
