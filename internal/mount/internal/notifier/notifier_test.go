//go:build linux

package notifier

import (
	"encoding/binary"
	"io"
	"os"
	"syscall"
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

// Each notification is one message: its length, its code, the number 0, and what
// linux/fuse.h says of the code.
func TestMessages(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	n := &Notifier{jobs: make(chan job), side: w}
	for name, c := range map[string]struct {
		notify func() fuse.Status
		code   uint32
		body   []any
	}{
		"INVAL_INODE": {func() fuse.Status { return n.InodeNotify(5, -1, 7) }, 2, []any{uint64(5), int64(-1), int64(7)}},
		"INVAL_ENTRY": {func() fuse.Status { return n.EntryNotify(5, "KEY") }, 3, []any{uint64(5), uint32(3), uint32(0), []byte("KEY\x00")}},
		"DELETE":      {func() fuse.Status { return n.DeleteNotify(5, 6, "KEY") }, 6, []any{uint64(5), uint64(6), uint32(3), uint32(0), []byte("KEY\x00")}},
	} {
		require.Equal(t, fuse.OK, c.notify(), name)
		size := 16
		for _, field := range c.body {
			size += binary.Size(field)
		}
		want, err := binary.Append(nil, binary.NativeEndian, []uint32{uint32(size), c.code, 0, 0})
		require.NoError(t, err)
		for _, field := range c.body {
			want, err = binary.Append(want, binary.NativeEndian, field)
			require.NoError(t, err)
		}
		got := make([]byte, size)
		_, err = io.ReadFull(r, got)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
	n.Close()
	require.Equal(t, fuse.Status(syscall.ENODEV), n.EntryNotify(5, "KEY"), "the mount has ended")
}

// The nodes are not told of the server, or they would notify through it.
func TestTheServerIsTheNotifiers(t *testing.T) {
	n := &Notifier{}
	server := &fuse.Server{}
	n.Serve(fusefs.NewNodeFS(&fusefs.Inode{}, &fusefs.Options{ServerCallbacks: n})).Init(server)
	require.Same(t, server, n.server.Load())
}
