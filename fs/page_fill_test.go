//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// sentBy is what sendfile(2) sends of an open file, which for the kernel is reading
// through the page cache however the file was opened.
func sentBy(t *testing.T, from int) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	var at int64
	_, err = unix.Sendfile(int(w.Fd()), from, &at, 1<<16)
	w.Close()
	text, _ := io.ReadAll(r)
	return string(text), err
}

// mappedBy is what a private mapping of an open file shows: for the kernel that is
// reading through the page cache, too. The error is that of a process that does not look
// there itself, which would get SIGBUS. It is another process: while a page is
// missing nobody can change what is mapped in one, and so the other threads of this one
// would wait, which have to answer.
func mappedBy(t *testing.T, from int) (string, error) {
	t.Helper()
	const script = "import mmap, os; os.write(1, mmap.mmap(0, 0, mmap.MAP_PRIVATE, mmap.PROT_READ))"
	own, err := unix.FcntlInt(uintptr(from), unix.F_DUPFD_CLOEXEC, 3)
	require.NoError(t, err)
	file := os.NewFile(uintptr(own), "mapped")
	defer file.Close()
	cmd := exec.Command("python3", "-c", script)
	cmd.Stdin = file
	out, err := cmd.Output()
	return string(out), err
}

// openedAt is a descriptor that the Go runtime does not poll. The caller closes it.
func openedAt(t *testing.T, path string, flags int) int {
	t.Helper()
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	return fd
}

// Who has an older version open gets that or an error, also where somebody reads a newer one
// through the page cache: by a private mapping, or by sendfile.
func TestWhoHasAnOlderVersionOpenNeverReadsANewerOne(t *testing.T) {
	const before, after = "the first value", "the second, which is longer"
	for how, through := range map[string]func(t *testing.T, from int) (string, error){
		"a private mapping": mappedBy,
		"sendfile":          sentBy,
	} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(ttl(time.Hour))
			mnt := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages)
			w.Set(dev, "KEY", before)
			old, buf := openedAt(t, mnt+"/demo/dev/KEY", unix.O_RDONLY), make([]byte, 5)
			_, err := unix.Pread(old, buf, 0)
			require.NoError(t, err)
			w.Apply(w.change(t, dev, func() { w.Set(dev, "KEY", after) }))
			w.awaitKernel()

			newer := openedAt(t, mnt+"/demo/dev/KEY", unix.O_RDONLY)
			defer unix.Close(newer)
			text, err := through(t, newer)
			if err == nil {
				require.Equal(t, after, text, "it is its own version, whole")
			}
			_, err = unix.Pread(old, buf, 0)
			require.ErrorIs(t, err, syscall.ESTALE)
			text, err = sentBy(t, old)
			require.Error(t, err, text)
			text, err = mappedBy(t, old)
			require.Error(t, err, text)
			whole := make([]byte, 100)
			n, err := unix.Pread(newer, whole, 0)
			require.NoError(t, err)
			require.Equal(t, after, string(whole[:n]), "reading is always possible")

			require.NoError(t, unix.Close(old)) // from now on they all have one version
			require.Eventually(t, func() bool {
				text, err := through(t, newer)
				require.True(t, err != nil || strings.HasPrefix(text, after), text)
				return err == nil
			}, 20*time.Second, 10*time.Millisecond)
		})
	}
}

// What somebody writes is read by nobody else before it is stored, also where its writer
// reads it through the page cache.
func TestAWritersTextGetsIntoNobodysPages(t *testing.T) {
	const before, draft = "the first value", "what is being written"
	w := newWorld(writing, ttl(time.Hour))
	mnt := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages)
	t.Cleanup(w.Close)
	w.Set(dev, "KEY", before)
	path := mnt + "/demo/dev/KEY"
	reader, buf := openedAt(t, path, unix.O_RDONLY), make([]byte, 5)
	defer unix.Close(reader)
	reads := func(fd int) {
		t.Helper()
		n, err := unix.Pread(fd, buf, 0)
		require.True(t, errors.Is(err, syscall.ESTALE) || string(buf[:max(n, 0)]) == before[:len(buf)], "%q %v", buf, err)
	}
	reads(reader)
	writer := openedAt(t, path, unix.O_RDWR)
	defer unix.Close(writer)
	_, err := unix.Pwrite(writer, []byte(draft), 0)
	require.NoError(t, err)
	later := openedAt(t, path, unix.O_RDONLY)
	defer unix.Close(later)
	for _, through := range []func() (string, error){
		func() (string, error) { return sentBy(t, writer) },
		func() (string, error) { return mappedBy(t, writer) },
	} {
		text, err := through()
		require.True(t, err != nil || text == draft, text)
		reads(reader)
		reads(later)
		text, err = sentBy(t, later)
		require.True(t, err != nil || text == before, text)
	}
	whole := make([]byte, 100)
	n, err := unix.Pread(writer, whole, 0)
	require.NoError(t, err)
	require.Equal(t, draft, string(whole[:n]))
}

// A view that is open with an older text shares no pages with one that is opened later.
func TestViewsOfTwoTextsShareNoPages(t *testing.T) {
	w := newWorld(ttl(time.Hour), func(c *Config) { c.Views = map[string]View{".env": linesView} })
	mnt := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages)
	path := mnt + "/demo/dev/.env"
	pin := openedAt(t, path, unix.O_PATH) // the kernel keeps the inode, and its pages
	defer unix.Close(pin)
	open := func() int { return openedAt(t, fmt.Sprint("/proc/self/fd/", pin), unix.O_RDONLY) }
	old := open()
	before, err := sentBy(t, old)
	require.NoError(t, err)
	w.Apply(w.change(t, dev, func() { w.Set(dev, "GREETING", "a new one") }))
	w.awaitKernel()
	newer := open()
	defer unix.Close(newer)
	for range 2 {
		text, err := sentBy(t, newer)
		require.True(t, err != nil || strings.Contains(text, "a new one"), text)
		text, err = sentBy(t, old)
		require.True(t, err != nil || text == before, text)
	}
	require.NoError(t, unix.Close(old))
	require.Eventually(t, func() bool {
		text, err := sentBy(t, newer)
		require.True(t, err != nil || strings.Contains(text, "a new one"), text)
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
}

// Who opens a file for writing begins with what the server has by then, and so may know a
// newer version than those who read, from whom the kernel has pages.
func TestAWriterWhoKnowsMoreThanReadersSharesNoPages(t *testing.T) {
	const before, after = "the first value", "and the second" // which is shorter
	for _, order := range [][]string{{"reader", "writer"}, {"writer", "reader"}} {
		t.Run(order[0]+" first", func(t *testing.T) {
			w := newWorld(writing, ttl(time.Hour))
			mnt := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages)
			t.Cleanup(w.Close)
			w.Set(dev, "KEY", before)
			path := mnt + "/demo/dev/KEY"
			known := snapshot(t, w.Fake, dev)
			w.answer(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
				if dir == dev {
					return known, nil // as a cache has it
				}
				return w.Fake.Folder(ctx, dir, need)
			})
			p := startPageProgram(t)
			has := map[string]string{}
			open := func(who string) {
				flags := map[string]int{"reader": unix.O_RDONLY, "writer": unix.O_RDWR}
				has[who] = p.open(who, path, flags[who])
			}
			if order[0] == "reader" {
				open("reader")
			}
			w.Fake.Set(dev, "KEY", after) // and nobody has heard of it
			open("writer")
			if has["reader"] == "" {
				open("reader")
			}
			require.Equal(t, after, has["writer"])
			for _, how := range []string{"read", "sendfile", "splice", "mmap"} {
				for _, who := range order {
					text, err := p.read(how, who)
					require.True(t, err != nil || text == has[who], "%s by the %s: %q", how, who, text)
				}
			}
			text, err := p.read("read", "writer")
			require.NoError(t, err)
			require.Equal(t, after, text)
			p.must(pageRequest{Do: "close", File: "reader"})
			p.must(pageRequest{Do: "close", File: "writer"})
		})
	}
}

// What is taken from an open file is taken from the kernel's pages, too, whichever way it was
// opened, and whether it still has a name.
func TestNoPagesOfWhatWasRevoked(t *testing.T) {
	for name, flags := range map[string]int{"to read": unix.O_RDONLY, "to write": unix.O_RDWR} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(writing, cacheOff, ttl(time.Hour))
			mnt := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages)
			t.Cleanup(w.Close)
			p := startPageProgram(t)
			path := mnt + "/demo/dev/GREETING"
			require.Equal(t, "hello, world", p.open("held", path, flags))
			text, err := p.read("sendfile", "held")
			require.NoError(t, err)
			require.Equal(t, "hello, world", text)
			require.NoError(t, os.Remove(path))
			w.Apply(secret.Change{Dir: dev, Err: secret.ErrDenied})
			w.awaitKernel()
			_, err = p.read("read", "held")
			require.ErrorIs(t, err, syscall.EACCES)
			for _, how := range []string{"sendfile", "mmap", "splice"} {
				text, _ = p.read(how, "held") // or nothing, as a file that has no name any more has no size
				require.Empty(t, text, how)
			}
			p.must(pageRequest{Do: "close", File: "held"})
		})
	}
}
