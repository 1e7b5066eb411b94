// Package notifier is the channel by which the kernel is told what to forget:
// FUSE_NOTIFY_INVAL_INODE, INVAL_ENTRY, DELETE and PRUNE. It stands between go-fuse's
// nodes, which say what is outdated, and the connection:
//
//	n := notifier.New(fd)
//	options.ServerCallbacks = n
//	server, err := fuse.NewServer(n.Serve(fusefs.NewNodeFS(root, options)), …)
package notifier

import (
	"github.com/hanwen/go-fuse/v2/fuse"
)

const fuseDevice = "/dev/fuse"

// Serve returns raw, whose notifications go through n: go-fuse tells its file system
// of the server, and the nodes would take that for the way to notify.
func (n *Notifier) Serve(raw fuse.RawFileSystem) fuse.RawFileSystem { return serving{raw, n} }

type serving struct {
	fuse.RawFileSystem
	notifier *Notifier
}

// Init is called before the first request, and again if another server goes on. The
// nodes are not told.
func (s serving) Init(server *fuse.Server) { s.notifier.server.Store(server) }
