package session

import (
	"errors"
	"reflect"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// held calls do with the descriptor that server reads from and writes to, which stays open
// meanwhile. A server that has ended has closed its descriptor: then do is not called, as the
// number may be another file's by then.
func held(server *fuse.Server, do func(fd int) error) error {
	conn, ok := connection(server)
	if !ok {
		return errors.New("the server's descriptor is not where go-fuse has it")
	}
	var err error
	_ = conn.Control(func(fd uintptr) { err = do(int(fd)) }) // fails if the descriptor is closed
	return err
}

// connection returns go-fuse's field of a server with its descriptor. It is not there in
// another go-fuse than the one of go.mod, and a test fails.
func connection(server *fuse.Server) (conn syscall.RawConn, ok bool) {
	field := reflect.ValueOf(server).Elem().FieldByName("fuseFD")
	if !field.IsValid() || field.Kind() != reflect.Pointer {
		return nil, false
	}
	field = field.Elem().FieldByName("conn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[syscall.RawConn]() {
		return nil, false
	}
	return *(*syscall.RawConn)(field.Addr().UnsafePointer()), true
}
