//go:build linux

package mounttable

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Both ways of looking see the same: binds, moves, what is beneath something else, and ends.
func TestWhichConnectionsThereAre(t *testing.T) {
	dir := needMounts(t)
	ways := map[string]connections{"by text": &byText{table: open(t, "/proc/self/mountinfo")}, "by number": newByID()}
	if _, err := mountIDs(nil); err != nil {
		t.Logf("this kernel has no listmount: %v", err)
		delete(ways, "by number")
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
		c := newByID()
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
	look := watch.beginLook()
	add("a")
	require.True(t, watch.tell(pipe[0], look, true, func(device int) bool { return device == 0 }))
	require.Empty(t, told)
	require.Equal(t, []byte{0}, nudged(pipe[0]), "it has another look")
	require.False(t, watch.tell(pipe[0], watch.beginLook(), false, none))
	require.Equal(t, "a", told)
}

// nudged returns what is in a pipe.
func nudged(pipe int) []byte {
	var some [8]byte
	n, _ := unix.Read(pipe, some[:])
	return some[:max(n, 0)]
}
