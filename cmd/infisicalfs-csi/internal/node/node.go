package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"infisicalfs/internal/volume"
)

// Config says who the driver is. All but Log and Watched is required.
type Config struct {
	Driver  string // its name in the cluster
	Version string // of the program
	NodeID  string // the node's name
	Volumes *volume.Manager
	Logins  Logins
	Log     *slog.Logger // nil: nothing is logged
	Watched Observer     // nil: nobody counts
}

// Observer counts what the kubelet calls.
type Observer interface {
	Called(method string, code codes.Code, took time.Duration) // the method by its full name
	Kept()                                                     // a volume that was mounted was published in vain, and stays
}

// Node is the driver on one node.
type Node struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	Config
}

// New makes a driver. Its volumes stay the caller's to close.
func New(cfg Config) *Node {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Node{Config: cfg}
}

// NodeGetInfo tells which node this is.
func (n *Node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.NodeID}, nil
}

// NodeGetCapabilities tells what there is besides publishing.
func (n *Node) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	var answer csi.NodeGetCapabilitiesResponse
	for _, kind := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_VOLUME_MOUNT_GROUP, csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
	} {
		answer.Capabilities = append(answer.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: kind}},
		})
	}
	return &answer, nil
}

// longest is how long a publication may take: the kubelet gives up after two minutes, and
// does not hear why.
const longest = 90 * time.Second

// NodePublishVolume mounts a volume, or brings a new token for one that is mounted. For that there
// are no errors: the kubelet would take an error for the end of the volume.
func (n *Node) NodePublishVolume(ctx context.Context, r *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := required("volume_id", r.GetVolumeId(), "target_path", r.GetTargetPath()); err != nil {
		return nil, err
	}
	p, err := n.publication(r)
	if err == nil {
		err = n.Volumes.Publish(ctx, p)
	}
	if err != nil && n.isMounted(ctx, r) {
		n.Log.Warn("a volume that is mounted was published again in vain, and stays as it is", "volume", r.GetVolumeId(), "error", explain(err))
		if n.Watched != nil {
			n.Watched.Kept()
		}
		err = nil
	}
	if err != nil {
		return nil, coded(err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// publication is what r asks for.
func (n *Node) publication(r *csi.NodePublishVolumeRequest) (p volume.Publication, err error) {
	group, err := capability(r.GetVolumeCapability())
	if err != nil {
		return p, err
	}
	a, err := parse(r.GetVolumeContext(), r.GetSecrets())
	if err != nil {
		return p, err
	}
	if r.GetReadonly() {
		delete(a.words, "write")
	}
	forGroup(a.words, group)
	p = volume.Publication{Target: r.GetTargetPath(), ID: r.GetVolumeId(), Words: a.words}
	p.Handed, err = n.Logins.handed(a)
	return p, err
}

// capability is the group that the volume is for, empty if none is named.
func capability(c *csi.VolumeCapability) (group string, err error) {
	switch mounted := c.GetMount(); {
	case c == nil:
		return "", status.Error(codes.InvalidArgument, "volume_capability is missing")
	case mounted == nil:
		return "", status.Error(codes.InvalidArgument, "a volume is a directory, and no block device: use volumeMode: Filesystem")
	default:
		for _, flag := range mounted.GetMountFlags() {
			if flag != "ro" { // as it is
				return "", status.Errorf(codes.InvalidArgument, "the mount option %q is not known: use volumeAttributes", flag)
			}
		}
		return mounted.GetVolumeMountGroup(), nil
	}
}

func (n *Node) isMounted(ctx context.Context, r *csi.NodePublishVolumeRequest) bool {
	v, err := n.Volumes.Published(ctx, r.GetTargetPath(), r.GetVolumeId())
	return err == nil && v.Status["mounted"] == true
}

// NodeUnpublishVolume unmounts a volume and removes its directory. One that is not there is no error.
func (n *Node) NodeUnpublishVolume(ctx context.Context, r *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := required("volume_id", r.GetVolumeId(), "target_path", r.GetTargetPath()); err != nil {
		return nil, err
	}
	if err := n.Volumes.Unpublish(ctx, r.GetTargetPath()); err != nil {
		return nil, coded(err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// NodeGetVolumeStats tells what statfs tells of the mount, without asking it: that nothing is
// known about room, and so there is none.
func (n *Node) NodeGetVolumeStats(ctx context.Context, r *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	if err := required("volume_id", r.GetVolumeId(), "volume_path", r.GetVolumePath()); err != nil {
		return nil, err
	}
	if _, err := n.Volumes.Published(ctx, r.GetVolumePath(), r.GetVolumeId()); err != nil {
		return nil, coded(err)
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{{Unit: csi.VolumeUsage_BYTES}}}, nil
}

// required is an error that names the first field that is empty; pairs are names and values.
func required(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return status.Error(codes.InvalidArgument, pairs[i]+" is missing")
		}
	}
	return nil
}
