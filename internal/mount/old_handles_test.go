//go:build linux

package mount

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/secret/secrettest"
)

// telltales are secrets whose every byte says of which secret it is, of which version and
// from where. Those with an even number change with each version.
const (
	telltales = 24
	cell      = 16
)

func telltaleName(file int) string { return fmt.Sprintf("F%02d", file) }

func telltaleVersion(file, version int) int { return version * (1 - file%2) }

// telltaleCells is how many cells a version has.
func telltaleCells(file, version int) int {
	return 256 + (97*file+31*telltaleVersion(file, version))%512
}

func telltale(file, version int) string {
	cells := telltaleCells(file, version)
	version = telltaleVersion(file, version)
	var text strings.Builder
	for n := range cells {
		text.WriteString(telltaleCell(file, version, n))
	}
	return text.String()
}

func telltaleCell(file, version, n int) string {
	return fmt.Sprintf("f%02dv%04do%06d.", file, version, n)
}

// setTelltales has a server show a version of them, and a name that no other version has.
func setTelltales(up *secrettest.Fake, version int) {
	for file := range telltales {
		up.Set(devDir, telltaleName(file), telltale(file, version))
	}
	up.Set(devDir.Child("sub"), fmt.Sprintf("ONLY%d", version), "a value")
}

// checkTelltale fails unless what was read of a file at an offset is of that file, from there,
// and of one version, which it returns; -1 if nothing was read.
func checkTelltale(file int, offset int64, got []byte) (version int, err error) {
	version = -1
	for ; len(got) >= cell; got, offset = got[cell:], offset+cell {
		v, err := strconv.Atoi(string(got[4:8]))
		if err != nil || string(got[:cell]) != telltaleCell(file, v, int(offset/cell)) || version >= 0 && v != version {
			return 0, fmt.Errorf("%q at %d of file %d, version %d before it", got[:cell], offset, file, version)
		}
		version = v
	}
	return version, nil
}

// oldHandle is what a program has open over several lives of the process that serves it.
type oldHandle struct {
	kind    string // cached, direct, mapped, listed, refresh: what is written there is done at once, by whoever serves
	fd      int
	file    int
	mapped  []byte
	version int // that was the newest when it was opened
	shown   int // what it has shown; -1: nothing yet
	killed  bool
	inode   uint64
}

// oldHandles opens them and uses them.
type oldHandles struct {
	t       *testing.T
	random  *rand.Rand
	point   string
	version int
	all     []*oldHandle
	counts  map[string]int // of what, and how it ended
}

func (o *oldHandles) open() {
	h := &oldHandle{version: o.version, shown: -1, file: o.random.IntN(telltales)}
	h.kind = []string{"cached", "cached", "direct", "direct", "mapped", "listed", "refresh"}[o.random.IntN(7)]
	name, flags := telltaleName(h.file), unix.O_RDONLY
	switch h.kind {
	case "direct":
		flags |= unix.O_DIRECT
	case "listed":
		name, flags = "sub", flags|unix.O_DIRECTORY
	case "refresh":
		name, flags = ".infisicalfs/refresh", unix.O_WRONLY
	}
	fd, err := unix.Open(filepath.Join(o.point, name), flags|unix.O_CLOEXEC, 0)
	require.NoError(o.t, err, name)
	h.fd = fd
	var st unix.Stat_t
	require.NoError(o.t, unix.Fstat(fd, &st))
	h.inode = st.Ino
	if h.kind == "mapped" {
		h.mapped, err = unix.Mmap(fd, 0, cell*telltaleCells(h.file, o.version), unix.PROT_READ, unix.MAP_PRIVATE)
		require.NoError(o.t, err)
	}
	o.all = append(o.all, h)
}

// use does something with a handle. Errors are allowed where its process was killed, but only
// the right ones; wrong bytes never are.
func (o *oldHandles) use(h *oldHandle) {
	o.t.Helper()
	what := []string{"read", "read", "read", "fstat", "fsync", "flush"}[o.random.IntN(6)]
	var err error
	switch {
	case what == "fstat":
		err = o.fstat(h)
	case what == "fsync":
		err = unix.Fsync(h.fd)
	case what == "flush":
		var again int
		if again, err = unix.FcntlInt(uintptr(h.fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.Close(again)
		}
	case h.kind == "refresh":
		what = "write"
		_, err = unix.Write(h.fd, []byte("\n"))
	case h.kind == "listed":
		what = "list"
		err = o.list(h)
	case h.kind == "mapped":
		what = "touch"
		err = o.touch(h)
	default:
		err = o.read(h)
	}
	o.counted(h, what, err)
	if err == nil {
		return
	}
	require.True(o.t, isLost(err) && (h.killed || what == "touch" && o.beside(h)), "%s of a %s file: %v", what, h.kind, err)
}

// beside reports whether somebody has the file of h open in another version, or may have:
// then no pages of it come to be.
func (o *oldHandles) beside(h *oldHandle) bool {
	return slices.ContainsFunc(o.all, func(other *oldHandle) bool { return other.killed && other.isFile() && other.file == h.file })
}

func (h *oldHandle) isFile() bool { return h.kind != "listed" && h.kind != "refresh" }

// isLost reports whether an error says that a process was killed.
func isLost(err error) bool { return errors.Is(err, syscall.ESTALE) || errors.Is(err, syscall.EIO) }

func (o *oldHandles) counted(h *oldHandle, what string, err error) {
	life, end := "living", "done"
	if h.killed {
		life = "killed"
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		end = unix.ErrnoName(errno)
	}
	o.counts[fmt.Sprintf("%s %s %s: %s", life, h.kind, what, end)]++
}

func (o *oldHandles) shuffle() {
	o.random.Shuffle(len(o.all), func(i, j int) { o.all[i], o.all[j] = o.all[j], o.all[i] })
}

func (o *oldHandles) fstat(h *oldHandle) error {
	var st unix.Stat_t
	if err := unix.Fstat(h.fd, &st); err != nil {
		return err
	}
	require.Equal(o.t, h.inode, st.Ino)
	if h.kind == "listed" || h.kind == "refresh" {
		return nil
	}
	var sizes []int64
	for version := range o.version + 1 {
		sizes = append(sizes, int64(cell*telltaleCells(h.file, version)))
	}
	require.Contains(o.t, sizes, st.Size)
	return nil
}

func (o *oldHandles) read(h *oldHandle) error {
	got := make([]byte, cell*(1+o.random.IntN(600)))
	offset := int64(cell * o.random.IntN(300))
	n, err := unix.Pread(h.fd, got, offset)
	if err != nil {
		return err
	}
	o.is(h, offset, got[:n])
	return nil
}

// is requires that bytes are the handle's, and of the version that it has shown before.
func (o *oldHandles) is(h *oldHandle, offset int64, got []byte) {
	o.t.Helper()
	version, err := checkTelltale(h.file, offset, got)
	require.NoError(o.t, err, h.kind)
	if version < 0 {
		return
	}
	if h.shown < 0 {
		h.shown = version
	}
	require.Equal(o.t, h.shown, version, "a mixture of versions in a %s file, opened with version %d", h.kind, h.version)
	require.GreaterOrEqual(o.t, version, telltaleVersion(h.file, h.version))
}

// touch reads a page of a mapping. Where there is none to be had the kernel sends SIGBUS.
func (o *oldHandles) touch(h *oldHandle) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = syscall.EIO
		}
	}()
	const page = 4096
	at := page * o.random.IntN(len(h.mapped)/page)
	got := slices.Clone(h.mapped[at : at+page])
	for last := len(got); last > 0 && got[last-1] == 0; last = len(got) { // beyond the end of a shorter version
		got = got[:last-1]
	}
	o.is(h, int64(at), got)
	return nil
}

func (o *oldHandles) list(h *oldHandle) error {
	if _, err := unix.Seek(h.fd, 0, unix.SEEK_SET); err != nil {
		return err
	}
	var names []string
	buf := make([]byte, 4096)
	for {
		n, err := unix.ReadDirent(h.fd, buf)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	require.Len(o.t, names, 2, "%q", names)
	require.Contains(o.t, names, "INSIDE")
	slices.Sort(names)
	version, err := strconv.Atoi(strings.TrimPrefix(names[1], "ONLY"))
	require.NoError(o.t, err, "%q", names)
	require.True(o.t, h.version <= version && version <= o.version, "%q", names)
	if !h.killed {
		h.shown = version
	}
	return nil
}

// close ends all handles. The end of one whose process was killed may be an error.
func (o *oldHandles) close() {
	for _, h := range o.all {
		if h.mapped != nil {
			require.NoError(o.t, unix.Munmap(h.mapped))
		}
		err := unix.Close(h.fd)
		o.counted(h, "close", err)
		if err != nil {
			require.True(o.t, h.killed && isLost(err), "%v", err)
		}
	}
}

// apartFromProcesses returns what calls a function on a thread with a table of descriptors of
// its own. A process that is started closes what it does not inherit, and for that the mount
// of an open file has to answer: so who starts the process that is to answer must not have it.
func apartFromProcesses(t *testing.T) func(do func()) {
	jobs, done := make(chan func()), make(chan bool)
	var serve func()
	serve = func() {
		runtime.LockOSThread()              // the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() { // whose table is taken for that of the process
			other := make(chan bool)
			go func() {
				defer close(other)
				serve()
			}()
			<-other
			runtime.UnlockOSThread()
			return
		}
		if err := unix.Unshare(unix.CLONE_FILES); err != nil {
			t.Error(err)
			return
		}
		for do := range jobs {
			do()
			done <- true
		}
	}
	go func() {
		defer close(done) // also if the test fails here
		serve()
	}()
	call := func(do func()) {
		select {
		case jobs <- do:
			<-done
		case <-done:
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	call(func() {}) // what is opened from now on is not in its table
	t.Cleanup(func() { close(jobs) })
	return call
}

// Programs use what they have open, over and over, while process after process that serves it
// is killed and the server has other values each time. They never get a byte of another
// file or of a version beside the one that they have seen.
func TestOldHandlesShowNothingForeign(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	u := newUnit(t)
	o := &oldHandles{t: t, random: rand.New(rand.NewPCG(seed, 0)), point: u.point, counts: map[string]int{}}
	begin := func() { u.start("TELLTALES=" + strconv.Itoa(o.version)) }
	apart := apartFromProcesses(t)
	const lives, each = 5, 200
	for o.version = range lives {
		begin()
		apart(func() {
			for range each {
				o.open()
			}
			o.shuffle()
			for _, h := range o.all {
				o.use(h)
			}
		})
		for _, h := range o.all {
			h.killed = true
		}
		u.kill()
	}
	begin()
	apart(func() {
		o.shuffle()
		for _, h := range o.all {
			o.use(h)
		}
		o.shuffle()
		o.close()
	})
	for _, what := range slices.Sorted(maps.Keys(o.counts)) {
		t.Logf("%5d %s", o.counts[what], what)
	}
	// Or nothing would have been tried.
	for _, what := range []string{"living direct read: done", "living mapped touch: done", "killed direct read: ESTALE", "killed cached read: done"} {
		require.NotZero(t, o.counts[what], what)
	}
	u.is("hello, world")
	u.stop("stop")
	requireFree(t, u.point)
}
