package node

import (
	"os"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What a kubelet does with an inline volume, from the pod's start to its end.
func TestLifeOfAnInlineVolume(t *testing.T) {
	c := newCluster(t)
	info, err := c.NodeGetInfo(t.Context(), new(csi.NodeGetInfoRequest))
	require.NoError(t, err)
	require.Equal(t, "worker", info.NodeId)
	for range 2 {
		answer, err := c.NodeGetCapabilities(t.Context(), new(csi.NodeGetCapabilitiesRequest))
		require.NoError(t, err)
		require.Len(t, answer.Capabilities, 2)
	}
	r := c.volume("pod", "web")
	c.publish(r)
	c.reads(r)
	require.ErrorIs(t, os.WriteFile(r.TargetPath+"/GREETING", []byte("x"), 0o600), syscall.EROFS)

	asked := len(c.Requests())
	for range 3 { // requiresRepublish
		r.Secrets[accountTokens] = c.tokens("shop:web")
		c.publish(r)
	}
	require.Len(t, c.Requests(), asked)
	require.Len(t, c.mounts(), 1)
	_, err = c.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: r.VolumeId, VolumePath: r.TargetPath})
	require.NoError(t, err)

	c.unpublish(r)
	c.unpublish(r)
	require.Empty(t, c.mounts())
	_, err = c.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: r.VolumeId, VolumePath: r.TargetPath})
	require.Equal(t, codes.NotFound, status.Code(err))
}
