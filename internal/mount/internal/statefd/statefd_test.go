//go:build linux

package statefd

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestWhatWasPutLastCounts(t *testing.T) {
	f, err := New()
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Get()
	require.ErrorIs(t, err, ErrNothing)
	for _, text := range []string{"one", "another, which is longer", "two", string(bytes.Repeat([]byte("much "), 1<<16))} {
		require.NoError(t, f.Put([]byte(text)))
		again, err := unix.Dup(f.FD())
		require.NoError(t, err)
		next := Open(again)
		got, err := next.Get()
		require.NoError(t, err)
		require.Equal(t, text, string(got))
		require.NoError(t, next.Close())
	}
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(f.FD(), &st))
	require.Less(t, st.Blocks*512, int64(400<<10), "the texts before are given back")
}

// A process that is killed while it writes has changed nothing.
func TestHalfATextIsNone(t *testing.T) {
	f, err := New()
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Put([]byte("whole")))
	_, err = f.file.WriteAt([]byte("ha"), at(0))
	require.NoError(t, err)
	got, err := f.Get()
	require.NoError(t, err)
	require.Equal(t, "whole", string(got))

	require.NoError(t, f.setNumber(validAt, 1<<60))
	_, err = f.Get()
	require.ErrorIs(t, err, ErrNothing)
	require.NoError(t, f.setNumber(validAt, 100<<1))
	require.NoError(t, f.file.Truncate(placesAt))
	_, err = f.Get()
	require.ErrorIs(t, err, ErrNothing)
}

func TestTriesAreCounted(t *testing.T) {
	f, err := New()
	require.NoError(t, err)
	defer f.Close()
	for want := range 3 {
		got, err := f.Try()
		require.NoError(t, err)
		require.Equal(t, want+1, got)
	}
	require.NoError(t, f.Used())
	got, err := f.Try()
	require.NoError(t, err)
	require.Equal(t, 1, got)
}
