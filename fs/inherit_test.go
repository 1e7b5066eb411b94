package fs

import (
	"math"
	"sync"
	"syscall"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/openfiles"
)

// lookedUp asks raw as the kernel does, and returns the node's id.
func lookedUp(t *testing.T, raw fuse.RawFileSystem, parent uint64, name string) uint64 {
	var out fuse.EntryOut
	require.Equal(t, fuse.OK, raw.Lookup(nil, &fuse.InHeader{NodeId: parent}, name, &out), name)
	return out.NodeId
}

func openedIn(t *testing.T, raw fuse.RawFileSystem, node uint64, flags uint32) fuse.OpenOut {
	var out fuse.OpenOut
	require.Equal(t, fuse.OK, raw.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: node}, Flags: flags}, &out))
	return out
}

func versionIn(raw fuse.RawFileSystem, node, handle, salt uint64, whence uint32) (uint64, fuse.Status) {
	var out fuse.LseekOut
	status := raw.Lseek(nil, &fuse.LseekIn{InHeader: fuse.InHeader{NodeId: node}, Fh: handle, Offset: salt, Whence: whence}, &out)
	return out.Offset, status
}

// asked is a file system as a process shows it to the kernel.
type asked struct {
	t *testing.T
	fuse.RawFileSystem
	dev uint64 // the node of demo/dev
}

func asking(t *testing.T, f *FS) *asked {
	t.Cleanup(f.Close)
	a := &asked{t, fusefs.NewNodeFS(f.Root(), f.Options()), 0}
	a.dev = lookedUp(t, a, lookedUp(t, a, fuse.FUSE_ROOT_ID, "demo"), "dev")
	return a
}

// version opens a file of demo/dev, or that itself, and returns what is said of it.
func (a *asked) version(name string, salt uint64) (node, version uint64) {
	var open fuse.OpenOut
	if node = a.dev; name == "" {
		require.Equal(a.t, fuse.OK, a.OpenDir(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: node}}, &open))
	} else {
		node = lookedUp(a.t, a, a.dev, name)
		open = openedIn(a.t, a, node, 0)
	}
	version, status := versionIn(a, node, open.Fh, salt, LseekVersion)
	require.Equal(a.t, fuse.OK, status)
	require.LessOrEqual(a.t, version, uint64(math.MaxInt64))
	closing := &fuse.ReleaseIn{InHeader: fuse.InHeader{NodeId: node}, Fh: open.Fh}
	if name == "" {
		a.ReleaseDir(closing)
	} else {
		a.Release(nil, closing) // or the old version would be served for a while
	}
	return node, version
}

// Two processes say the same of what shows the same bytes, or the same names, and
// something else of everything else. Both call nodes by the same numbers.
func TestVersionsForASuccessor(t *testing.T) {
	w := newWorld()
	first, second := asking(t, w.FS), asking(t, New(w.cfg))
	before := map[string]uint64{}
	for _, name := range []string{"", "GREETING", "EMPTY", ".env"} {
		node, version := first.version(name, 7)
		same, again := second.version(name, 7)
		require.Equal(t, node, same, name)
		require.Equal(t, version, again, name)
		_, salted := second.version(name, 8)
		require.NotEqual(t, version, salted, name)
		require.NotContains(t, before, version)
		before[name] = version
	}
	w.Set(dev, "GREETING", "hello, again")
	for name, changed := range map[string]bool{"": false, "GREETING": true, "EMPTY": false, ".env": true} {
		_, version := second.version(name, 7)
		require.Equal(t, changed, version != before[name], name)
	}
	w.Set(dev, "ANOTHER", "")
	_, version := second.version("", 7)
	require.NotEqual(t, before[""], version)
}

// The root is listed when it is read, so nobody has to ask a server for what was not
// read; and what was taken away has no version.
func TestNoVersionForASuccessor(t *testing.T) {
	w := newWorld()
	raw := asking(t, w.FS)
	var open fuse.OpenOut
	require.Equal(t, fuse.OK, raw.OpenDir(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: fuse.FUSE_ROOT_ID}}, &open))
	_, status := versionIn(raw, fuse.FUSE_ROOT_ID, open.Fh, 7, LseekVersion)
	require.Equal(t, fuse.ENODATA, status)
	_, status = versionIn(raw, fuse.FUSE_ROOT_ID, open.Fh, 7, LseekVersionNow)
	require.Equal(t, fuse.OK, status)

	node := lookedUp(t, raw, raw.dev, "GREETING")
	file := openedIn(t, raw, node, 0)
	w.opened.Revoke(func(openfiles.File) bool { return true })
	_, status = versionIn(raw, node, file.Fh, 7, LseekVersion)
	require.Equal(t, fuse.EACCES, status)
}

// Of a node that the kernel has from a process before nothing is opened with its cache,
// but what that process had opened so; and that is not shown beside another version.
func TestWhatTheKernelHasFromAProcessBefore(t *testing.T) {
	w := newWorld(ttl(time.Minute), writing)
	t.Cleanup(func() { w.Close() })
	var known sync.Map
	w.FS = New(func(c Config) Config {
		c.Inherited = func(node uint64) bool { _, ok := known.Load(node); return ok }
		return c
	}(w.cfg))
	raw := asking(t, w.FS)
	fresh := openedIn(t, raw, lookedUp(t, raw, raw.dev, "EMPTY"), 0)
	require.Zero(t, fresh.OpenFlags&fuse.FOPEN_DIRECT_IO)

	id := inode.OfSecret(dev, "GREETING").Ino
	known.Store(id, true)
	require.Equal(t, id, lookedUp(t, raw, raw.dev, "GREETING"))
	require.NotZero(t, openedIn(t, raw, id, 0).OpenFlags&fuse.FOPEN_DIRECT_IO)
	open := openedIn(t, raw, id, OpenCached)
	require.Zero(t, open.OpenFlags&fuse.FOPEN_DIRECT_IO)
	_, status := versionIn(raw, id, open.Fh, 7, LseekVersion)
	require.Equal(t, fuse.OK, status)
	writer := openedIn(t, raw, id, syscall.O_RDWR)
	_, status = raw.Write(nil, &fuse.WriteIn{InHeader: fuse.InHeader{NodeId: id}, Fh: writer.Fh}, []byte("hello"))
	require.Equal(t, fuse.OK, status)
	raw.Release(nil, &fuse.ReleaseIn{InHeader: fuse.InHeader{NodeId: id}, Fh: writer.Fh})
	_, status = versionIn(raw, id, open.Fh, 7, LseekVersion)
	require.Equal(t, fuse.OK, status, "who writes the same bytes takes nothing away")
	w.Set(dev, "GREETING", "hello, again")
	n := operations(w.root.GetChild("demo").GetChild("dev").GetChild("GREETING")).(*file)
	n.forget() // as when the change is told
	_, status = versionIn(raw, id, open.Fh, 7, LseekVersion)
	require.Equal(t, fuse.Status(syscall.ESTALE), status, "there may be pages of the new version")
	require.NotZero(t, openedIn(t, raw, id, 0).OpenFlags&fuse.FOPEN_DIRECT_IO)
}
