package session

import (
	"reflect"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// The kernel copies a request into the buffer that the server reads into. If a page of the
// buffer has never been written to, it is made first, and for a process that is being killed
// it is not made any more. The kernel ends the request with EIO then, although the connection
// is kept and the next process would have answered the request. Seen on Linux 6.18: of 6,000
// kills 570 made a caller fail with buffers that are new each time, none with buffers that
// had been written to.
//
// So the pages of each new buffer that a request without a program's text can reach are written
// to before the buffer is read into. A text that is handed over to a killed process is lost
// anyway.

// touched is how many bytes at the beginning of a buffer have pages: enough for a header and
// two names.
const touched = 4 << 10

// poolOfBuffers is go-fuse's field of a server with the buffers, which are []byte.
const poolOfBuffers = "readPool"

// makePages has all buffers that server makes from now on begin with pages; the one that
// there is was written to by the greeting. A server that keeps its buffers in another way than
// the go-fuse of go.mod does is left as it is, and a test fails.
func makePages(server *fuse.Server) {
	field := reflect.ValueOf(server).Elem().FieldByName(poolOfBuffers)
	if !field.IsValid() || field.Type() != reflect.TypeFor[sync.Pool]() {
		return
	}
	pool := (*sync.Pool)(field.Addr().UnsafePointer())
	next := pool.New
	pool.New = func() any {
		made := next()
		if buffer, ok := made.([]byte); ok {
			clear(buffer[:min(touched, len(buffer))])
		}
		return made
	}
}
