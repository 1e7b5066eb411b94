package lostupdate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is known of the secrets of a folder, and of those below, goes along with its
// name, and ends with it.
func TestFoldersThatAreRenamedAndRemoved(t *testing.T) {
	var b Bases
	from, to := dir.Child("from"), dir.Child("to")
	b.NoteRead(ann, from.Child("deep"), "KEY", version(3))
	b.NoteRead(ann, to, "KEY", version(1)) // of a folder that is gone
	b.NoteRead(ann, dir, "KEY", version(2))
	b.MoveFolder(from, to)
	requireRead := func(want map[string]Base) {
		t.Helper()
		got := map[string]Base{}
		for _, key := range b.order {
			read, ok := b.LastRead(key.who, key.dir, key.name)
			require.True(t, ok)
			got[key.dir.Path] = read
		}
		require.Equal(t, want, got)
		require.Len(t, b.known, len(want))
	}
	requireRead(map[string]Base{to.Child("deep").Path: is(3), dir.Path: is(2)})
	b.ForgetFolder(to)
	requireRead(map[string]Base{dir.Path: is(2)})
}
