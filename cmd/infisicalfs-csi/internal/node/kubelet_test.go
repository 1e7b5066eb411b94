package node

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// A persistent volume of two pods has one id and two targets.
func TestPersistentVolumeOfTwoPods(t *testing.T) {
	c := newCluster(t)
	a, b := c.volume("a", "web"), c.volume("b", "web", provisionerPrefix+"csiProvisionerIdentity=x")
	a.VolumeId, b.VolumeId = "shop-secrets", "shop-secrets"
	c.publish(a)
	c.publish(b)
	c.unpublish(a)
	c.reads(b)
	_, err := c.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: a.VolumeId, VolumePath: a.TargetPath})
	require.Error(t, err)
	c.unpublish(b)
	require.Empty(t, c.mounts())
}

// The plugin is upgraded under a pod: its next process has the mounts, and the next publication brings
// what they need.
func TestUpgrade(t *testing.T) {
	c := newCluster(t)
	r := c.volume("pod", "web")
	c.publish(r)
	c.restart()
	require.Len(t, c.mounts(), 1)
	_, err := os.ReadFile(r.TargetPath + "/GREETING")
	require.ErrorIs(t, err, syscall.EIO, "an outage is no absence")
	_, err = c.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: r.VolumeId, VolumePath: r.TargetPath})
	require.NoError(t, err)
	c.publish(r)
	c.reads(r)
	c.restart()
	c.unpublish(r) // before any publication
	require.Empty(t, c.mounts())
}

// A kubelet that got a final error for a volume that was mounted (before 1.37) removes what it can of
// the directory, and publishes again.
func TestKubeletRemovesWhatIsMounted(t *testing.T) {
	c := newCluster(t)
	r := c.volume("pod", "web")
	c.publish(r)
	require.Error(t, os.Remove(r.TargetPath), "it is in use")
	c.publish(r)
	c.reads(r)
	require.NoError(t, os.WriteFile(filepath.Dir(r.TargetPath)+"/vol_data.json", []byte("{}"), 0o600))
	c.unpublish(r)
	c.publish(r)
	c.reads(r)
}

// The node is started anew: what is mounted is gone, and the directories are there.
func TestNodeStartsAnew(t *testing.T) {
	c := newCluster(t)
	a, b := c.volume("a", "web"), c.volume("b", "web")
	c.publish(a)
	c.publish(b)
	c.stop()
	c.unmountAll()
	c.start()
	require.Empty(t, c.mounts(), "nobody has asked for them yet")
	c.publish(a)
	c.reads(a)
	c.unpublish(b)
	c.unpublish(a)
}

// The kubelet's plugin watcher, as it asks.
func TestRegistration(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "csi.infisicalfs-reg.sock")
	require.NoError(t, os.WriteFile(socket, nil, 0o600), "a process before has left one")
	listener, err := Listen(socket)
	require.NoError(t, err)
	info, err := os.Stat(socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	var failure error
	r := &Registration{Driver: "csi.infisicalfs", Endpoint: "/var/lib/kubelet/plugins/csi.infisicalfs/csi.sock", Failed: func(err error) { failure = err }}
	server := r.Server()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	client := registration.NewRegistrationClient(connection)
	told, err := client.GetInfo(t.Context(), new(registration.InfoRequest))
	require.NoError(t, err)
	require.Equal(t, []string{registration.CSIPlugin, r.Driver, r.Endpoint, "1.0.0"}, []string{told.Type, told.Name, told.Endpoint, told.SupportedVersions[0]})
	_, err = client.NotifyRegistrationStatus(t.Context(), &registration.RegistrationStatus{PluginRegistered: true})
	require.NoError(t, err)
	require.NoError(t, failure)
	_, err = client.NotifyRegistrationStatus(t.Context(), &registration.RegistrationStatus{Error: "there is one of that name"})
	require.NoError(t, err)
	connection.Close()
	server.GracefulStop()
	require.NoError(t, <-ended)
	require.ErrorContains(t, failure, "there is one of that name")
	require.NoFileExists(t, socket)
}
