package node

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"infisicalfs/cache"
	"infisicalfs/client"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
	"infisicalfs/internal/volume"
)

// cluster is a node with a driver, the kubelet's directories, and a server.
type cluster struct {
	*testing.T
	*devserver.Server
	csi.NodeClient
	identity csi.IdentityClient

	url   string
	dir   string // everything is below it
	pods  string
	cache cache.Config
	stop  func()

	log    logged
	issued []string // tokens
}

// logged is what was logged, which is written by several goroutines.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// nothingIsGivenAway holds the log against all that came with calls.
func (c *cluster) nothingIsGivenAway() {
	log := c.log.String()
	require.Contains(c, log, "/csi.v1.Node/")
	for _, word := range append(c.issued, "hunter2", c.Credentials("viewer").ClientSecret, "hello, world") {
		require.NotContains(c, log, word)
	}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	if f, err := os.OpenFile(attach.Device, os.O_RDWR, 0); err != nil || os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatalf("REQUIRE_FUSE is set, but this is not root with %s: %v", attach.Device, err)
		}
		t.Skipf("needs root and %s", attach.Device)
	} else {
		f.Close()
	}
	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	c := &cluster{T: t, Server: server, url: front.URL, dir: dir, pods: dir + "/pods", stop: func() {}}
	require.NoError(t, os.Mkdir(c.pods, 0o755))
	t.Cleanup(c.unmountAll)
	for _, name := range []string{"admin", "viewer", "no-access"} {
		c.lets(name, "shop")
	}
	c.start()
	t.Cleanup(func() { c.stop(); c.nothingIsGivenAway() })
	return c
}

// lets lets the service accounts of a namespace log in as an identity.
func (c *cluster) lets(identity, namespace string) {
	c.Helper()
	require.NoError(c, c.Edit(func(e *devserver.Editor) error {
		return e.SetLogin(identity, devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:" + namespace + ":*", Audiences: []string{"infisical"}})
	}))
}

// start starts a driver; stop leaves its mounts.
func (c *cluster) start() {
	c.Helper()
	logins, log := Logins(c.login), slog.New(slog.NewTextHandler(&c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	volumes, err := volume.Open(c.Context(), volume.Config{
		StateDir: c.dir + "/state", Version: "test", LoginAs: logins.LoginAs, Cache: c.cache, Log: log,
	})
	require.NoError(c, err)
	listener, err := Listen(c.dir + "/csi.sock")
	require.NoError(c, err)
	server := New(Config{Driver: "csi.infisicalfs", Version: "1", NodeID: "worker", Volumes: volumes, Logins: logins, Log: log}).Server()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	connection, err := grpc.NewClient("unix://"+c.dir+"/csi.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(c, err)
	c.NodeClient, c.identity = csi.NewNodeClient(connection), csi.NewIdentityClient(connection)
	c.stop = func() {
		connection.Close()
		server.GracefulStop()
		require.NoError(c, <-ended)
		require.NoError(c, volumes.Close())
		c.stop = func() {}
	}
}

// login is the node's configuration: volumes are read as admin, unless they name another identity
// of the server.
func (c *cluster) login(name string) (Login, error) {
	id := c.Credentials(cmp.Or(name, "admin")).IdentityID
	if id == "" {
		return Login{}, exitcode.Errorf(exitcode.Config, "", "no identity is called %q", name)
	}
	return Login{Client: client.Config{URL: c.url}, IdentityID: id}, nil
}

func (c *cluster) restart() {
	c.Helper()
	c.stop()
	c.start()
}

// mounts are the mountpoints below the directory.
func (c *cluster) mounts() (list []string) {
	table, err := mounttable.Read()
	require.NoError(c, err)
	for _, m := range table {
		if strings.HasPrefix(m.Mountpoint, c.dir+"/") {
			list = append(list, m.Mountpoint)
		}
	}
	return list
}

func (c *cluster) unmountAll() {
	for _, point := range c.mounts() {
		unix.Unmount(point, unix.MNT_DETACH)
	}
}

// tokens are what the kubelet sends of a service account's tokens.
func (c *cluster) tokens(account string, audiences ...string) string {
	list := map[string]any{}
	for _, audience := range append(audiences, "infisical") {
		until := time.Now().Add(time.Hour)
		jwt := c.IssueJWT(map[string]any{"sub": "system:serviceaccount:" + account, "aud": []string{audience}, "exp": until.Unix()})
		c.issued = append(c.issued, jwt)
		list[audience] = map[string]any{"token": jwt, "expirationTimestamp": until.UTC().Format(time.RFC3339)}
	}
	text, err := json.Marshal(list)
	require.NoError(c, err)
	return string(text)
}

// volume is the call for an inline volume of a pod that runs as a service account of the namespace
// shop, as the kubelet makes it.
func (c *cluster) volume(pod, account string, more ...string) *csi.NodePublishVolumeRequest {
	dir := filepath.Join(c.pods, pod, "volumes/kubernetes.io~csi/secrets")
	require.NoError(c, os.MkdirAll(dir, 0o750))
	attributes := map[string]string{
		"project": "demo", "env": "dev",
		podPrefix + "pod.name": pod, podNamespace: "shop", podPrefix + "pod.uid": pod, serviceAccount: account, podPrefix + "ephemeral": "true",
	}
	for _, word := range more {
		key, value, _ := strings.Cut(word, "=")
		attributes[key] = value
	}
	return &csi.NodePublishVolumeRequest{
		VolumeId: fmt.Sprintf("csi-%x", pod), TargetPath: dir + "/mount", Readonly: true,
		VolumeCapability: &csi.VolumeCapability{
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
		},
		VolumeContext: attributes,
		Secrets:       map[string]string{accountTokens: c.tokens("shop:" + account)},
	}
}

func (c *cluster) publish(r *csi.NodePublishVolumeRequest) {
	c.Helper()
	_, err := c.NodePublishVolume(c.Context(), r)
	require.NoError(c, err)
}

func (c *cluster) unpublish(r *csi.NodePublishVolumeRequest) {
	c.Helper()
	_, err := c.NodeUnpublishVolume(c.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: r.VolumeId, TargetPath: r.TargetPath})
	require.NoError(c, err)
	require.NoDirExists(c, r.TargetPath)
}

// reads wants the volume to have the greeting.
func (c *cluster) reads(r *csi.NodePublishVolumeRequest) {
	c.Helper()
	text, err := os.ReadFile(r.TargetPath + "/GREETING")
	require.NoError(c, err)
	require.Equal(c, "hello, world", string(text))
}
