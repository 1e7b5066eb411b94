package notifier

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// What linux/fuse.h says of each notification, field by field.
func TestTheBytesOfANotification(t *testing.T) {
	for name, c := range map[string]struct {
		got    []byte
		fields []any
	}{
		"an inode's content": {
			inodeMessage(5, 1<<40, 7),
			[]any{uint32(40), uint32(2), uint64(0), uint64(5), int64(1 << 40), int64(7)},
		},
		"an inode's attributes": {
			inodeMessage(5, -1, 0),
			[]any{uint32(40), uint32(2), uint64(0), uint64(5), int64(-1), int64(0)},
		},
		"an entry": {
			entryMessage(5, "KEY"),
			[]any{uint32(36), uint32(3), uint64(0), uint64(5), uint32(3), uint32(0), []byte("KEY\x00")},
		},
		"an entry whose name is not ASCII": {
			entryMessage(1, "größe"),
			[]any{uint32(40), uint32(3), uint64(0), uint64(1), uint32(7), uint32(0), []byte("größe\x00")},
		},
		"an entry that is gone": {
			deleteMessage(5, 6, "KEY"),
			[]any{uint32(44), uint32(6), uint64(0), uint64(5), uint64(6), uint32(3), uint32(0), []byte("KEY\x00")},
		},
	} {
		var want []byte
		for _, field := range c.fields {
			var err error
			want, err = binary.Append(want, binary.NativeEndian, field)
			require.NoError(t, err)
		}
		require.Equal(t, want, c.got, name)
		require.Len(t, c.got, int(binary.NativeEndian.Uint32(c.got)), name)
	}
}
