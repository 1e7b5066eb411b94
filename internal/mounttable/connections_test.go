//go:build linux

package mounttable

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/blocking"
)

func itoa(n int) string { return strconv.Itoa(n) }

// All ways of looking see the same: binds, moves, what is beneath something else, and ends.
func TestWhichConnectionsThereAre(t *testing.T) {
	dir := needMounts(t)
	list := table(open(t, "/proc/self/mountinfo"))
	ways := map[string]connections{"by text": &byText{table: list}, "by number": newByID(list)}
	if _, err := mountIDs(nil); err != nil {
		t.Logf("this kernel has no listmount: %v", err)
		delete(ways, "by number")
	}
	events := byEventsFor(t)
	if events != nil {
		defer events.close()
		ways["by events"] = events
	}
	see := func(want map[int]bool) {
		t.Helper()
		for name, way := range ways {
			_, err := way.look()
			require.NoError(t, err)
			for number, has := range want {
				require.Equal(t, has, way.has(number), "%s: %d", name, number)
			}
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	see(nil)
	one := ours(t, at("one"))
	see(map[int]bool{one: true})
	two := ours(t, at("two"))
	for _, name := range []string{"bind", "moved"} {
		require.NoError(t, os.Mkdir(at(name), 0o755))
	}
	require.NoError(t, unix.Mount(at("one"), at("bind"), "", unix.MS_BIND, ""))
	require.NoError(t, unix.Mount(at("two"), at("moved"), "", unix.MS_MOVE, ""))
	require.NoError(t, unix.Mount("none", at("moved"), "tmpfs", 0, ""))
	see(map[int]bool{one: true, two: true})
	require.NoError(t, unix.Unmount(at("one"), unix.MNT_DETACH))
	see(map[int]bool{one: true, two: true})
	require.NoError(t, unix.Unmount(at("bind"), unix.MNT_DETACH))
	see(map[int]bool{one: false, two: true})
	require.NoError(t, unix.Unmount(at("moved"), unix.MNT_DETACH))
	require.NoError(t, unix.Unmount(at("moved"), unix.MNT_DETACH))
	see(map[int]bool{one: false, two: false})

	three, four := ours(t, at("parent/three")), ours(t, at("four"))
	require.NoError(t, unix.Mount(at("parent"), at("parent"), "", unix.MS_BIND|unix.MS_REC, ""))
	require.NoError(t, unix.Unmount(at("parent/three"), unix.MNT_DETACH))
	see(map[int]bool{three: true, four: true})
	require.NoError(t, unix.Unmount(at("parent"), unix.MNT_DETACH))
	see(map[int]bool{three: true, four: true}) // beneath the bind
	require.NoError(t, unix.Unmount(at("parent/three"), unix.MNT_DETACH))
	see(map[int]bool{three: false, four: true})
	elsewhere(t, func() error {
		return errors.Join(unix.Unmount(at("four"), unix.MNT_DETACH), os.Remove(at("four")))
	})
	see(map[int]bool{four: false})

	five := ours(t, at("one"))
	if events != nil {
		events.listed = false // as after more events than the kernel keeps
	}
	see(map[int]bool{one: five == one, five: true})
}

// byEventsFor is nil if this kernel has no events of mounts, and to be closed.
func byEventsFor(t *testing.T) *byEvents {
	t.Helper()
	c, err := newByEvents()
	if err != nil {
		t.Logf("this kernel tells nobody of mounts: %v", err)
		return nil
	}
	return c
}

// elsewhere runs do in a mount namespace of its own.
func elsewhere(t *testing.T, do func() error) {
	t.Helper()
	var err error
	blocking.OnThread(func() {
		if err = unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err == nil {
			err = do()
		}
	})
	require.NoError(t, err)
}

// A change is told of by its events, however many mounts there are: they are listed once, and
// again when the kernel has told of more than it keeps.
func TestEventsTellOfChangesOnly(t *testing.T) {
	dir := needMounts(t)
	c := byEventsFor(t)
	if c == nil {
		t.Skip("this kernel tells nobody of mounts")
	}
	defer c.close()
	look := func() (asked int) {
		t.Helper()
		lists := c.list
		c.list = func([]uint64) ([]uint64, error) { t.Error("all mounts are listed"); return nil, nil }
		of := c.of
		c.of = func(id uint64) int { asked++; return of(id) }
		_, err := c.look()
		require.NoError(t, err)
		c.list, c.of = lists, of
		return asked
	}
	_, err := c.look()
	require.NoError(t, err)
	require.Zero(t, look())
	one := ours(t, filepath.Join(dir, "one"))
	require.Equal(t, 1, look())
	require.True(t, c.has(one))
	require.NoError(t, unix.Mount("none", dir, "tmpfs", 0, ""))
	require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH))
	require.LessOrEqual(t, look(), 2)
	require.NoError(t, unix.Unmount(filepath.Join(dir, "one"), unix.MNT_DETACH))
	require.Equal(t, 1, look())
	require.False(t, c.has(one))
}

// What is not an event about one mount is answered with a look at all of them.
func TestEventsThatAreNotUnderstoodAreNotBelieved(t *testing.T) {
	event := func(size uint32, info ...byte) []byte {
		head := make([]byte, eventHeadSize)
		binary.NativeEndian.PutUint32(head, size)
		return append(head, info...)
	}
	mount := make([]byte, infoSize)
	mount[0] = unix.FAN_EVENT_INFO_TYPE_MNT
	mount[infoMountAt] = 7
	told := event(eventHeadSize+infoSize, mount...)
	for name, events := range map[string][]byte{
		"overflow":                 slices.Concat(told, event(eventHeadSize), told),
		"something else":           slices.Concat(told, event(eventHeadSize+infoSize, make([]byte, infoSize)...), told),
		"longer than what is told": slices.Concat(told, told, event(eventHeadSize+infoSize+1, mount...)),
		"shorter than its head":    slices.Concat(told, told, event(0)),
		"a piece":                  slices.Concat(told, told, told[:5]),
	} {
		var ids []uint64
		require.False(t, eachMount(events, func(id uint64) { ids = append(ids, id) }), name)
		require.Equal(t, []uint64{7, 7}, ids, name)
	}
	require.True(t, eachMount(told, func(uint64) {}))
	require.True(t, eachMount(nil, func(uint64) {}))
}

// A change of somebody else's costs the same however many mounts there are: one list, and one
// question about what is new.
func TestAChangeCostsTheSameAmongManyMounts(t *testing.T) {
	for _, many := range []uint64{10, 10_000} {
		var table []uint64
		for id := range many {
			table = append(table, 3*id)
		}
		lists, questions := 0, 0
		c := newByID(-1)
		c.list = func(list []uint64) ([]uint64, error) { lists++; return append(list[:0], table...), nil }
		c.of = func(id uint64) int { questions++; return int(id / 3) }
		look := func() bool {
			lists, questions = 0, 0
			fewer, err := c.look()
			require.NoError(t, err)
			require.Equal(t, 1, lists)
			return fewer
		}
		require.False(t, look())
		require.EqualValues(t, many, questions)

		table = slices.Insert(table, 5, 13) // older than most of them, and attached only now
		require.False(t, look())
		require.Equal(t, 1, questions)
		require.True(t, c.has(4))
		table = slices.Delete(table, 5, 6) // another of that connection is left
		require.False(t, look())
		require.Zero(t, questions)
		require.True(t, c.has(4))
		require.False(t, look())
		table = slices.Delete(table, 7, 8)
		require.True(t, look())
		require.Zero(t, questions)
		require.False(t, c.has(7))
		require.True(t, c.has(8))
	}
}

// A mount that is younger than a look is not judged by it.
func TestWhoCameDuringALookIsNotJudgedByIt(t *testing.T) {
	var pipe [2]int
	require.NoError(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	defer unix.Close(pipe[0])
	watch := tableWatch{waiters: map[*waiter]bool{}, wake: pipe[1]}
	told := ""
	none := func(int) bool { return false }
	add := func(name string) {
		_, err := watch.add(&waiter{device: 1, do: func() { told += name }})
		require.NoError(t, err)
	}
	watch.waiters[&waiter{do: func() {}}] = true // so that add starts nothing
	look, _ := watch.beginLook()
	add("a")
	require.True(t, watch.tell(pipe[0], look, true, func(device int) bool { return device == 0 }))
	require.Empty(t, told)
	require.Equal(t, []byte{0}, nudged(pipe[0]), "it has another look")
	look, _ = watch.beginLook()
	require.False(t, watch.tell(pipe[0], look, false, none))
	require.Equal(t, "a", told)
}

// nudged returns what is in a pipe.
func nudged(pipe int) []byte {
	var some [8]byte
	n, _ := unix.Read(pipe, some[:])
	return some[:max(n, 0)]
}
