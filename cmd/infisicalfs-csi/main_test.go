package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/mounttable"
)

// A test that needs the program runs this binary again, as the program.
const roleVariable = "INFISICALFS_CSI_TEST"

func TestMain(m *testing.M) {
	if mount.OnlyWatches() {
		return
	}
	if os.Getenv(roleVariable) != "" {
		os.Exit(program(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// machine is a node with the kubelet's directories, which are shared as they are on nodes, and a server.
type machine struct {
	*testing.T
	*devserver.Server
	csi.NodeClient
	url, dir string
	cmd      *exec.Cmd
	ended    chan error
	stderr   *os.File // the program's

	contained bool // the plugin is in a mount namespace of its own each time, as in a container
}

func newMachine(t *testing.T) *machine {
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
	m := &machine{T: t, Server: server, url: front.URL, dir: dir, stderr: os.Stderr}
	t.Cleanup(m.unmountAll)
	for _, name := range []string{"plugin", "registry", "pods"} {
		require.NoError(t, os.Mkdir(dir+"/"+name, 0o755))
	}
	require.NoError(t, unix.Mount(dir, dir, "", unix.MS_BIND, ""))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_PRIVATE, ""))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_SHARED, ""))
	require.NoError(t, server.Edit(func(e *devserver.Editor) error {
		return e.SetLogin("admin", devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:shop:*", Audiences: []string{"infisical"}})
	}))
	return m
}

// unmountAll leaves nothing mounted, whatever has happened.
func (m *machine) unmountAll() {
	for range 100 {
		table, err := mounttable.Read()
		require.NoError(m, err)
		last := ""
		for _, one := range table {
			if one.Mountpoint == m.dir || strings.HasPrefix(one.Mountpoint, m.dir+"/") {
				last = one.Mountpoint
			}
		}
		if last == "" {
			return
		}
		require.NoError(m, unix.Unmount(last, unix.MNT_DETACH))
	}
}

// flags are those of the program on this machine.
func (m *machine) flags(more ...string) []string {
	return append([]string{
		"--endpoint=unix://" + m.dir + "/plugin/csi.sock", "--kubelet-endpoint=" + m.dir + "/plugin/csi.sock", "--state-dir=" + m.dir + "/plugin",
		"--registration-dir=" + m.dir + "/registry", "--node-id=worker", "--url=" + m.url, "--identity-id=" + m.Credentials("admin").IdentityID, "--watch-interval=1s",
	}, more...)
}

func (m *machine) program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVariable+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = m.stderr
	return cmd
}

// start starts the plugin and registers it, as a kubelet does.
func (m *machine) start(more ...string) {
	m.Helper()
	m.cmd, m.ended = m.program(m.flags(more...)...), make(chan error, 1)
	if m.contained {
		m.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} // and mounts propagate both ways
	}
	require.NoError(m, m.cmd.Start())
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(m.cmd, m.ended)
	m.Cleanup(func() { m.cmd.Process.Kill() })
	info, err := registration.NewRegistrationClient(m.dial(m.dir+"/registry/csi.infisicalfs-reg.sock")).GetInfo(m.Context(), new(registration.InfoRequest), grpc.WaitForReady(true))
	require.NoError(m, err)
	m.tell(&registration.RegistrationStatus{PluginRegistered: true})
	m.NodeClient = csi.NewNodeClient(m.dial(info.Endpoint))
}

func (m *machine) tell(status *registration.RegistrationStatus) {
	m.Helper()
	_, err := registration.NewRegistrationClient(m.dial(m.dir+"/registry/csi.infisicalfs-reg.sock")).NotifyRegistrationStatus(m.Context(), status, grpc.WaitForReady(true))
	require.NoError(m, err)
}

func (m *machine) dial(socket string) *grpc.ClientConn {
	m.Helper()
	impatient := grpc.ConnectParams{MinConnectTimeout: 20 * time.Second, Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}}
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(impatient))
	require.NoError(m, err)
	m.Cleanup(func() { connection.Close() })
	return connection
}

func (m *machine) end(signal os.Signal) error {
	m.Helper()
	require.NoError(m, m.cmd.Process.Signal(signal))
	return <-m.ended
}

// volume is the call for a volume of a pod of the service account shop/shop.
func (m *machine) volume(pod string, attributes map[string]string) *csi.NodePublishVolumeRequest {
	m.Helper()
	return m.volumeOf("shop", pod, attributes)
}

// volumeOf is volume for the service account shop of another namespace.
func (m *machine) volumeOf(namespace, pod string, attributes map[string]string) *csi.NodePublishVolumeRequest {
	m.Helper()
	dir := filepath.Join(m.dir, "pods", pod)
	require.NoError(m, os.MkdirAll(dir, 0o750))
	jwt := m.IssueJWT(map[string]any{"sub": "system:serviceaccount:" + namespace + ":shop", "aud": []string{"infisical"}, "exp": time.Now().Add(time.Hour).Unix()})
	tokens, err := json.Marshal(map[string]any{"infisical": map[string]any{"token": jwt, "expirationTimestamp": time.Now().Add(time.Hour)}})
	require.NoError(m, err)
	all := map[string]string{"csi.storage.k8s.io/pod.namespace": namespace, "csi.storage.k8s.io/serviceAccount.name": "shop"}
	for key, value := range attributes {
		all[key] = value
	}
	return &csi.NodePublishVolumeRequest{
		VolumeId: "csi-" + pod, TargetPath: dir + "/mount", Readonly: true, VolumeContext: all,
		VolumeCapability: &csi.VolumeCapability{AccessType: &csi.VolumeCapability_Mount{Mount: new(csi.VolumeCapability_MountVolume)}},
		Secrets:          map[string]string{"csi.storage.k8s.io/serviceAccount.tokens": string(tokens)},
	}
}

func (m *machine) publish(r *csi.NodePublishVolumeRequest) {
	m.Helper()
	_, err := m.NodePublishVolume(m.Context(), r)
	require.NoError(m, err)
}

// reads waits until a file has a text.
func (m *machine) reads(path, text string) {
	m.Helper()
	require.Eventually(m, func() bool {
		got, err := os.ReadFile(path)
		return err == nil && string(got) == text
	}, 20*time.Second, 10*time.Millisecond, "%s: %q", path, text)
}

// A pod whose mount is a slave of the node's reads on, whatever becomes of the plugin, and sees
// changes also in a single file that it was given.
func TestPodReadsOn(t *testing.T) {
	m := newMachine(t)
	m.start()
	demo := map[string]string{"project": "demo", "env": "dev"}
	r := m.volume("pod", demo)
	m.publish(r)
	pod, file := m.dir+"-pod", m.dir+"-file" // outside of what is shared, as in the pod's namespace
	require.NoError(t, os.Mkdir(pod, 0o755))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	bind := func(from, to string) {
		require.NoError(t, unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""))
		require.NoError(t, unix.Mount("", to, "", unix.MS_SLAVE|unix.MS_REC, ""))
		t.Cleanup(func() {
			for unix.Unmount(to, unix.MNT_DETACH) == nil {
			}
		})
	}
	bind(r.TargetPath, pod)
	bind(r.TargetPath+"/GREETING", file)
	m.reads(pod+"/GREETING", "hello, world")
	require.NoError(t, m.Edit(func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", "changed") }))
	m.reads(pod+"/GREETING", "changed")
	m.reads(file, "changed")

	for i, signal := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		err := m.end(signal)
		require.Equal(t, signal == syscall.SIGTERM, err == nil, "%v", err)
		m.start()
		m.publish(m.volume("pod", demo))
		text := fmt.Sprint("after ", i)
		require.NoError(t, m.Edit(func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", text) }))
		m.reads(r.TargetPath+"/GREETING", text)
		m.reads(pod+"/GREETING", text)
		require.ErrorIs(t, os.WriteFile(pod+"/GREETING", []byte("x"), 0o600), syscall.EROFS)
	}
	_, err := m.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: r.VolumeId, TargetPath: r.TargetPath})
	require.NoError(t, err)
	require.NoDirExists(t, r.TargetPath)
	require.NoError(t, m.end(syscall.SIGTERM))
	require.NoFileExists(t, m.dir+"/registry/csi.infisicalfs-reg.sock", "the kubelet is to see that there is no driver")
}

// The plugin is killed at any moment, and the kubelet, which has no answer, calls again: what it wants
// comes to be, and nothing is left of it afterwards.
func TestKilledInTheMiddle(t *testing.T) {
	m := newMachine(t)
	demo := map[string]string{"project": "demo", "env": "dev"}
	for i := range 8 {
		m.start()
		r := m.volume("pod", demo)
		m.NodePublishVolume(t.Context(), r)
		called := make(chan struct{})
		go func() {
			defer close(called)
			m.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: r.VolumeId, TargetPath: r.TargetPath})
			m.NodePublishVolume(t.Context(), r)
		}()
		select { // somewhere in these calls, wherever that is on this machine
		case <-time.After(time.Duration(i) * 3 * time.Millisecond):
		case <-called:
		}
		m.end(syscall.SIGKILL)
		<-called
	}
	m.start()
	r := m.volume("pod", demo)
	m.publish(r)
	m.reads(r.TargetPath+"/GREETING", "hello, world")
	_, err := m.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: r.VolumeId, TargetPath: r.TargetPath})
	require.NoError(t, err)
	require.NoDirExists(t, r.TargetPath)
	require.NoError(t, m.end(syscall.SIGTERM))
	table, err := mounttable.Read()
	require.NoError(t, err)
	for _, one := range table {
		require.False(t, strings.HasPrefix(one.Mountpoint, m.dir+"/"), "%s is left", one.Mountpoint)
	}
}

// A driver that the kubelet does not take ends, so that it is started again.
func TestRegistrationFails(t *testing.T) {
	m := newMachine(t)
	m.start()
	require.NoError(t, m.program(m.flags("--probe")...).Run())
	m.tell(&registration.RegistrationStatus{Error: "there is another of that name"})
	require.Error(t, <-m.ended)
	require.Error(t, m.program(m.flags("--probe")...).Run())
}

// What the command line cannot mean is said before anything is touched.
func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{
		{"--no-such-flag"}, {"argument"}, {"--node-id="}, {"--node-id=x", "--endpoint=tcp://0.0.0.0:1"}, {"--node-id=x", "--state-dir=" + t.TempDir(), "--url=http://user:word@host"},
	} {
		require.NotZero(t, program(args), "%v", args)
	}
	require.Zero(t, program([]string{"--help"}))
	for _, args := range [][]string{{"argument"}, {"--no-such-flag"}, {"--hold=0s"}, {"--socket=/dev/null/keeper"}} {
		require.NotZero(t, program(append([]string{"keep"}, args...)), "%v", args)
	}
	require.Zero(t, program([]string{"keep", "--help"}))
}
