//go:build !linux

package notifier

import (
	"sync/atomic"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Notifier is the server itself where nothing can be mounted.
type Notifier struct {
	fusefs.ServerCallbacks
	server atomic.Pointer[fuse.Server]
}

// New returns a notifier that is of no use.
func New(int) *Notifier { return &Notifier{} }

// Close does nothing.
func (*Notifier) Close() {}
