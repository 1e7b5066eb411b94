package node

import (
	"context"
	"net"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

// controller stands in for who makes volumes, which in a cluster are people and not a controller:
// without it the suite has no volume to publish.
type controller struct {
	csi.UnimplementedControllerServer
	attributes map[string]string
}

func (c *controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	return &csi.ControllerGetCapabilitiesResponse{Capabilities: []*csi.ControllerServiceCapability{{
		Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME}},
	}}}, nil
}

func (c *controller) CreateVolume(_ context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{VolumeId: r.GetName(), VolumeContext: c.attributes}}, nil
}

func (c *controller) DeleteVolume(context.Context, *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	return &csi.DeleteVolumeResponse{}, nil
}

// The conformance suite of CSI: all that it has for an Identity and a Node service without staging.
func TestSanity(t *testing.T) {
	c := newCluster(t)
	attributes := c.volume("pod", "web").VolumeContext
	attributes[accountTokens] = c.tokens("shop:web")
	listener, err := net.Listen("unix", c.dir+"/controller.sock")
	require.NoError(t, err)
	server := grpc.NewServer()
	csi.RegisterControllerServer(server, &controller{attributes: attributes})
	csi.RegisterIdentityServer(server, New(Config{Driver: "csi.infisicalfs", Version: "1"}))
	go server.Serve(listener)
	defer server.Stop()

	config := sanity.NewTestConfig()
	config.Address, config.ControllerAddress = "unix://"+c.dir+"/csi.sock", "unix://"+c.dir+"/controller.sock"
	config.TargetPath, config.StagingPath = c.dir+"/target", c.dir+"/staging"
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.FocusStrings = []string{"Identity Service", "Node Service"}
	reporter.Succinct = !testing.Verbose()
	ran := 0
	ginkgo.ReportAfterEach(func(r ginkgo.SpecReport) {
		if r.State == types.SpecStatePassed {
			ran++
		}
	})
	context := sanity.GinkgoTest(&config)
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "CSI", suite, reporter)
	context.Finalize()
	require.Equal(t, 15, ran)
	require.Empty(t, c.mounts())
}
