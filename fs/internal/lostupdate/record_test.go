package lostupdate

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is known travels to another process, in the order in which it is forgotten.
func TestRecordsTravel(t *testing.T) {
	var b, next Bases
	b.NoteRead(ann, dir, "KEY", version(3))
	b.NoteWrite(bob, elsewhere, "K\xff", version(4))
	b.NoteRead(bob, dir, "KEY", version(2))
	text, err := json.Marshal(b.Records())
	require.NoError(t, err)
	var list []Record
	require.NoError(t, json.Unmarshal(text, &list))
	next.Recall(list)
	require.Equal(t, b.order, next.order)
	require.Equal(t, b.known, next.known)
}
