//go:build linux

package session

import (
	"reflect"
	"sync"
	"testing"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Each buffer that a server reads requests into has its first pages before it is read into,
// also where the heap has grown for it.
func TestBuffersHavePages(t *testing.T) {
	t.Parallel()
	_, device := mountpoint(t)
	s, err := Begin(device, &counting{RawFileSystem: fuse.NewDefaultRawFileSystem()}, options)
	require.NoError(t, err)
	defer s.Close()
	field := reflect.ValueOf(s.Server()).Elem().FieldByName(poolOfBuffers)
	require.Equal(t, reflect.TypeFor[sync.Pool](), field.Type())
	pool := (*sync.Pool)(field.Addr().UnsafePointer())
	var held [][]byte // so that they are not used again
	for range 300 {
		buffer := pool.Get().([]byte)
		held = append(held, buffer)
		require.True(t, resident(t, buffer[:touched]), "buffer %d", len(held))
	}
}

// resident reports whether all pages that buffer reaches are there.
func resident(t *testing.T, buffer []byte) bool {
	size := uintptr(unix.Getpagesize())
	first := uintptr(unsafe.Pointer(&buffer[0])) &^ (size - 1)
	last := uintptr(unsafe.Pointer(&buffer[len(buffer)-1])) &^ (size - 1)
	pages := make([]byte, (last-first)/size+1)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, first, last-first+size, uintptr(unsafe.Pointer(&pages[0])))
	require.Zero(t, errno)
	for _, p := range pages {
		if p&1 == 0 {
			return false
		}
	}
	return true
}
