package node

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The kubelet's calls come in any order and more than once, also two at once for one volume and with
// the plugin started anew in between: what was published last is mounted once and read, and of all
// else nothing is left.
func TestCallsInAnyOrder(t *testing.T) {
	c := newCluster(t)
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var pods [4]*csi.NodePublishVolumeRequest
	var published [len(pods)]bool
	for i := range pods {
		pods[i] = c.volume(fmt.Sprint("pod", i), []string{"web", "job"}[i%2])
	}
	for range 60 {
		i := random.IntN(len(pods))
		r := pods[i]
		switch random.IntN(8) {
		case 0, 1, 2:
			r.Secrets[accountTokens] = c.tokens("shop:" + []string{"web", "job"}[i%2])
			c.publish(r)
			published[i] = true
		case 3, 4:
			c.unpublish(r)
			published[i] = false
		case 5:
			_, err := c.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: r.VolumeId, VolumePath: r.TargetPath})
			require.Equal(t, published[i], err == nil, "%v", err)
		case 6: // whichever is last, the kubelet calls again until one of them alone succeeds
			var both sync.WaitGroup
			both.Go(func() {
				_, err := c.NodePublishVolume(t.Context(), r)
				require.Contains(t, []codes.Code{codes.OK, codes.Aborted, codes.Unavailable}, status.Code(err), "%v", err)
			})
			both.Go(func() {
				_, err := c.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: r.VolumeId, TargetPath: r.TargetPath})
				require.Contains(t, []codes.Code{codes.OK, codes.Aborted, codes.Unavailable}, status.Code(err), "%v", err)
			})
			both.Wait()
			c.unpublish(r)
			published[i] = false
		case 7:
			c.restart()
			for i, r := range pods { // as the kubelet does for pods that run
				if published[i] {
					c.publish(r)
				}
			}
		}
		mounted := 0
		for i, r := range pods {
			if published[i] {
				mounted++
				c.reads(r)
			} else {
				require.NoDirExists(t, r.TargetPath)
			}
		}
		require.Len(t, c.mounts(), mounted)
	}
	for _, r := range pods {
		c.unpublish(r)
		require.NoFileExists(t, r.TargetPath)
	}
	require.Empty(t, c.mounts())
	left, err := os.ReadDir(c.pods)
	require.NoError(t, err)
	require.Len(t, left, len(pods), "the directories above are the kubelet's")
}
