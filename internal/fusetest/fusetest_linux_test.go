package fusetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

// tree has a file and, in a directory, many.
type tree struct{ fusefs.Inode }

func (r *tree) OnAdd(ctx context.Context) {
	add := func(to *fusefs.Inode, name, content string) {
		node := &fusefs.MemRegularFile{Data: []byte(content), Attr: fuse.Attr{Mode: 0o444}}
		to.AddChild(name, r.NewPersistentInode(ctx, node, fusefs.StableAttr{}), false)
	}
	add(&r.Inode, "file", "content")
	dir := r.NewPersistentInode(ctx, &fusefs.Inode{}, fusefs.StableAttr{Mode: syscall.S_IFDIR})
	r.AddChild("dir", dir, false)
	for i := range 300 {
		add(dir, fmt.Sprintf("file %03d", i), "")
	}
}

func build(testing.TB) (fusefs.InodeEmbedder, *fusefs.Options) {
	return &tree{}, &fusefs.Options{UID: uint32(os.Getuid())}
}

func TestBothWaysShowTheSame(t *testing.T) {
	Run(t, build, func(t *testing.T, v View) {
		text, err := ReadFile(v, "file")
		require.NoError(t, err)
		require.Equal(t, "content", text)
		a, err := v.Stat("file")
		require.NoError(t, err)
		require.EqualValues(t, 7, a.Size)
		require.EqualValues(t, syscall.S_IFREG|0o444, a.Mode)
		_, err = v.Stat("none")
		require.Equal(t, syscall.ENOENT, err)
		names, err := Names(v, "dir")
		require.NoError(t, err)
		require.Len(t, names, 300)
		require.Equal(t, syscall.EROFS, v.Create("dir/new"))
		require.Equal(t, syscall.EEXIST, v.Create("file"))
	})
}

// recorder is a test whose failures do not count.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any)                 { r.failures = append(r.failures, fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }

func (r *recorder) finish() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func TestWhatIsLeftOpenFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	dir := Mounted(r, &tree{}, nil)
	f, err := Disk(dir).Open("file", syscall.O_RDONLY)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	done := make(chan struct{})
	go func() { // it cannot end while the file is open
		defer close(done)
		r.finish()
	}()
	for isMounted(t, dir) { // until it is detached
		continue
	}
	_ = f.Close() // the connection has been ended
	<-done
	require.NotEmpty(t, r.failures)
	require.Contains(t, r.failures[0], "something is still open")
}

func TestLeftGoroutineFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	Mounted(r, &tree{}, nil)
	end := make(chan struct{})
	go func() { <-end }()
	r.finish()
	close(end)
	require.Len(t, r.failures, 1)
	require.Contains(t, r.failures[0], "goroutine")
}

func TestChildrenDoNotInheritTheDevice(t *testing.T) {
	Mounted(t, &tree{}, nil)
	list, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
	require.NoError(t, err)
	require.NotContains(t, string(list), device)
}

func TestTheKernelChecksModes(t *testing.T) {
	dir := Mounted(t, &tree{}, nil)
	table, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.Regexp(t, " "+regexp.QuoteMeta(dir)+" .*default_permissions", string(table))
}
