package node

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Listen makes a unix socket at path that only root can use, in place of one that a process before
// has left. It changes the umask for a moment: call it before anything else runs.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	return net.Listen("unix", path)
}

// Server makes a server of the driver's CSI services.
func (n *Node) Server() *grpc.Server {
	s := grpc.NewServer(grpc.UnaryInterceptor(n.logged))
	csi.RegisterIdentityServer(s, n)
	csi.RegisterNodeServer(s, n)
	return s
}

// about is what of a request may be told: neither its attributes nor its secrets.
type about interface{ GetVolumeId() string }

// logged logs each call without what is in it.
func (n *Node) logged(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	began := time.Now()
	answer, err := handle(ctx, request)
	took := time.Since(began)
	if n.Watched != nil {
		n.Watched.Called(info.FullMethod, status.Code(err), took)
	}
	log := n.Log.With("call", info.FullMethod, "took", took.Round(time.Millisecond))
	if r, ok := request.(about); ok {
		log = log.With("volume", r.GetVolumeId())
	}
	if err != nil {
		log.Warn("a call failed", "code", status.Code(err).String(), "error", status.Convert(err).Message())
	} else {
		log.Debug("a call was answered")
	}
	return answer, err
}
