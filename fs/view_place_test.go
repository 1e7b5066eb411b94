package fs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A view that watchers are told of is written down where it is listed, and so is all else.
func TestWhereAViewIsListed(t *testing.T) {
	for _, shown := range []string{".env", "app.conf", "a.b.c", "%2E"} {
		dir, name := ListedAs(AsideNode(), asideName(1<<63+7, shown))
		require.Equal(t, uint64(1<<63+7), dir)
		require.Equal(t, shown, name)
		dir, name = ListedAs(5, asideName(7, shown))
		require.EqualValues(t, 5, dir)
		require.Equal(t, asideName(7, shown), name)
	}
	dir, name := ListedAs(AsideNode(), ".env")
	require.Equal(t, AsideNode(), dir)
	require.Equal(t, ".env", name)
}
