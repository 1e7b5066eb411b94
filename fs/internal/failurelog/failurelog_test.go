package failurelog

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One of a kind is logged each second, and none is left uncounted.
func TestOneOfAKindEachSecond(t *testing.T) {
	open, denied := Kind{Op: "open", Errno: syscall.EIO}, Kind{Op: "open", Errno: syscall.EACCES}
	why, another := Kind{Op: "create", Errno: syscall.EPERM, Reason: "a view"}, Kind{Op: "create", Errno: syscall.EPERM, Reason: "an import"}
	start := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	var f Failures
	for i, c := range []struct {
		kind       Kind
		at         time.Duration
		logged     bool
		suppressed int
	}{
		{open, 0, true, 0},
		{open, 1, false, 0},
		{denied, 2, true, 0},
		{why, 3, true, 0},
		{another, 4, true, 0},
		{open, Every - 1, false, 0},
		{open, Every, true, 2},
		{open, Every + 1, false, 0},
		{denied, 10 * Every, true, 0},
		{open, 10 * Every, true, 1},
	} {
		suppressed, logged := f.Add(c.kind, start.Add(c.at))
		require.Equal(t, []any{c.logged, c.suppressed}, []any{logged, suppressed}, i)
	}
	counts := f.Counts()
	require.Equal(t, map[string]uint64{"EIO": 6, "EACCES": 2, "EPERM": 2}, counts)
	counts["EIO"] = 0
	require.EqualValues(t, 6, f.Counts()["EIO"], "what is returned is the caller's")
}

func TestKindsAreBounded(t *testing.T) {
	var f Failures
	for i := range 10 * maxKinds {
		_, logged := f.Add(Kind{Op: "open", Errno: syscall.EPERM, Reason: fmt.Sprint(i)}, time.Time{})
		require.True(t, logged)
		require.LessOrEqual(t, len(f.lines), maxKinds)
	}
	require.EqualValues(t, 10*maxKinds, f.Counts()["EPERM"])
}

func TestOnce(t *testing.T) {
	var o Once
	require.True(t, o.First("a"))
	require.True(t, o.First("b"))
	require.False(t, o.First("a"))
	for i := range maxTexts {
		require.True(t, o.First(fmt.Sprint(i)))
		require.LessOrEqual(t, len(o.texts), maxTexts)
	}
	require.True(t, o.First("a"), "it was forgotten")
}
