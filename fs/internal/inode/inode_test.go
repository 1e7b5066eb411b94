package inode

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var dev = secret.Dir{Project: "demo", Env: "dev", Path: "/"}

// Scratch files and directories count together. Nothing is taken for anything else, and all that is asked for twice is the same.
func TestEverythingHasItsOwnNumber(t *testing.T) {
	list := func() []fusefs.StableAttr {
		root, folder := OfDir(secret.Dir{}), OfDir(dev)
		return []fusefs.StableAttr{
			root, folder, OfDir(dev.Child("a")), OfDir(dev.Parent()),
			OfSecret(dev, "a"), OfSecret(dev, "b"), OfSecret(dev, ""),
			OfSecret(secret.Dir{Project: "a", Env: "bc", Path: "/"}, ""), OfSecret(secret.Dir{Project: "ab", Env: "c", Path: "/"}, ""),
			Child(folder, syscall.S_IFLNK, "a"), Control(syscall.S_IFDIR, ""), Control(syscall.S_IFREG, "status"),
			ScratchFile(1), ScratchFile(2), ScratchDir(3), Generation(folder, "..2026"), Generation(root, "..2026"), View(folder, ".env"),
		}
	}
	seen := map[[2]uint64]int{}
	for i, id := range list() {
		other, ok := seen[[2]uint64{id.Ino, id.Gen}]
		require.False(t, ok, "%d is like %d", i, other)
		seen[[2]uint64{id.Ino, id.Gen}] = i
		require.Greater(t, id.Ino, uint64(1), "0 is none, 1 the root")
		require.False(t, id.Reserved())
	}
	require.Equal(t, list(), list())
	require.Equal(t, OfDir(dev.Child("a")), Child(OfDir(dev), syscall.S_IFDIR, "a"))
	require.NotZero(t, View(OfDir(dev), strings.Repeat("x", 4096)).Ino)
}

// Who came to a place keeps its number, and what comes to be where something left
// is another node each time.
func TestNumbersAfterRenames(t *testing.T) {
	var r Renames
	a, b := OfSecret(dev, "a"), OfSecret(dev, "b")
	require.Equal(t, a, r.Fresh(a), "nothing was renamed")

	r.Left(a) // a is renamed to b
	r.Arrived(b, a)
	require.Equal(t, a, r.Fresh(b))
	second := r.Fresh(a)
	require.NotContains(t, []fusefs.StableAttr{a, b}, second)
	require.Equal(t, second, r.Fresh(a), "the same until that leaves too")

	r.Left(b) // and on, elsewhere
	require.NotContains(t, []fusefs.StableAttr{a, b, second}, r.Fresh(b))
	r.Left(a)
	require.NotContains(t, []fusefs.StableAttr{a, b, second}, r.Fresh(a))
}

// Another process that is told what one knows has the same numbers, whether it is told all at
// once or each change.
func TestNumbersAfterRenamesElsewhere(t *testing.T) {
	var r, all, each Renames
	noted := map[fusefs.StableAttr]Record{}
	r.Note(func(c Record) { noted[c.Place] = c })
	a, b, c := OfSecret(dev, "a"), OfSecret(dev, "b"), OfDir(dev)
	all.Arrived(c, a) // and forgotten
	for range 3 {
		r.Left(a)
		r.Arrived(b, a)
	}
	r.Left(c)
	r.Arrived(c, b)
	r.Left(b)
	all.Recall(r.Records())
	each.Recall(slices.Collect(maps.Values(noted)))
	for _, place := range []fusefs.StableAttr{a, b, c} {
		require.Equal(t, r.Fresh(place), all.Fresh(place))
		require.Equal(t, r.Fresh(place), each.Fresh(place))
	}
}

// Numbers are the same in every version of the program: backups know files by them.
func TestNumbersStay(t *testing.T) {
	require.Equal(t, fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: 0xe3a78c1cba92f1d6, Gen: 0xabec2821d239cf42}, OfDir(dev))
	require.Equal(t, fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: 0xd9294c9acf85459d, Gen: 0x20087e5358e1ce18}, OfSecret(dev, "KEY"))
	require.Equal(t, fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: 0xc9053b9b7d9e10b9, Gen: 0xc1cb513949fca2da}, OfSecret(dev, strings.Repeat("x", 1000)))
}

// A listing asks for the number of each entry. The race detector has what goes into
// a number on the heap.
func TestANumberCostsNoMemory(t *testing.T) {
	folder := OfDir(dev)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { Child(folder, syscall.S_IFREG, "DATABASE_URL") }), 3.0)
}
