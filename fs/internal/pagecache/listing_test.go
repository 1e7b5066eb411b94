package pagecache

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListing(t *testing.T) {
	var l Listing
	drop := func() (forgot bool) { l.Drop(func() { forgot = true }); return forgot }
	require.False(t, drop(), "there is nothing")
	require.True(t, l.Open(1))
	require.True(t, l.Open(1), "an equal one may show it")
	require.False(t, drop(), "it is not old")
	require.False(t, l.Open(2))
	require.False(t, l.Open(1), "it is old from then on")
	require.True(t, drop())
	require.False(t, l.Open(2), "it is open, and may fill what is kept")
	l.Close()
	l.Close()
	require.True(t, drop())
	require.True(t, l.Open(2))
	l.Outdate()
	require.False(t, l.Open(2))
	l.Close()
	require.True(t, drop())
	l.Outdate()
	require.True(t, l.Open(3), "what is not there cannot be old")
}

// What the kernel may have from a process before is dropped once, and not used again:
// somebody may have it open and fill it.
func TestListingOfAProcessBefore(t *testing.T) {
	var l Listing
	l.Inherit()
	require.False(t, l.Open(1))
	forgot := 0
	for range 2 {
		l.Drop(func() { forgot++ })
		require.False(t, l.Open(1))
	}
	require.Equal(t, 1, forgot)
}
