package node

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"infisicalfs/internal/devserver"
)

// Two hundred pods at once cost what one of each identity costs, and see what theirs may read.
func TestPodsOfThreeIdentities(t *testing.T) {
	c := newCluster(t)
	all := func(pods int, tag string) (requests int) {
		before := len(c.Requests())
		failed := make(chan error, pods)
		for i := range pods {
			account := []string{"web", "job", "api"}[i%3]
			r := c.volume(fmt.Sprint(tag, i), tag+account, "identity-id="+c.Credentials([]string{"admin", "viewer", "admin"}[i%3]).IdentityID)
			go func() {
				_, err := c.NodePublishVolume(t.Context(), r)
				if err == nil {
					_, err = os.ReadFile(r.TargetPath + "/GREETING")
				}
				failed <- err
			}()
		}
		for range pods {
			require.NoError(t, <-failed)
		}
		return len(c.Requests()) - before
	}
	one := all(1, "one")
	require.Equal(t, 3*one, all(200, "many"))
	require.Len(t, c.mounts(), 201)
}

// Each of these is the pod's trouble, and its event names what is wrong.
func TestWhatIsRefused(t *testing.T) {
	c := newCluster(t)
	attribute := func(word string) *csi.NodePublishVolumeRequest { return c.volume("pod", "web", word) }
	changed := func(change func(*csi.NodePublishVolumeRequest)) *csi.NodePublishVolumeRequest {
		r := c.volume("pod", "web")
		change(r)
		return r
	}
	for name, test := range map[string]struct {
		r    *csi.NodePublishVolumeRequest
		code codes.Code
		says string
	}{
		"unknown attribute":    {attribute("colour=red"), codes.InvalidArgument, `"colour"`},
		"credential":           {attribute("client-secret=hunter2"), codes.InvalidArgument, `"client-secret" is refused`},
		"token":                {attribute("token=hunter2"), codes.InvalidArgument, `"token" is refused`},
		"server":               {attribute("url=https://evil.example"), codes.InvalidArgument, `"url" is refused`},
		"no project":           {attribute("project="), codes.InvalidArgument, "project"},
		"mode":                 {attribute("mode=high"), codes.InvalidArgument, "option mode"},
		"identity":             {attribute("identity=nobody"), codes.InvalidArgument, `"nobody"`},
		"environment":          {attribute("env=none"), codes.NotFound, "none"},
		"no right":             {attribute("identity-id=" + c.Credentials("no-access").IdentityID), codes.NotFound, "demo"},
		"unknown identity":     {attribute("identity-id=7f3c1a52-0000-4000-8000-000000000000"), codes.PermissionDenied, "log in"},
		"audience":             {attribute("audience=vault"), codes.InvalidArgument, `"vault"`},
		"no pod info":          {changed(func(r *csi.NodePublishVolumeRequest) { delete(r.VolumeContext, serviceAccount) }), codes.InvalidArgument, "podInfoOnMount"},
		"no token":             {changed(func(r *csi.NodePublishVolumeRequest) { r.Secrets = nil }), codes.InvalidArgument, "tokenRequests"},
		"garbled tokens":       {changed(func(r *csi.NodePublishVolumeRequest) { r.Secrets[accountTokens] = "hunter2" }), codes.InvalidArgument, accountTokens},
		"several tokens":       {changed(func(r *csi.NodePublishVolumeRequest) { r.Secrets[accountTokens] = c.tokens("shop:web", "vault") }), codes.InvalidArgument, "infisical, vault"},
		"another namespace":    {changed(func(r *csi.NodePublishVolumeRequest) { r.Secrets[accountTokens] = c.tokens("other:web") }), codes.PermissionDenied, "service account is not allowed"},
		"half a client secret": {changed(func(r *csi.NodePublishVolumeRequest) { r.Secrets[clientSecret] = "hunter2" }), codes.InvalidArgument, "clientId"},
		"no volume id":         {changed(func(r *csi.NodePublishVolumeRequest) { r.VolumeId = "" }), codes.InvalidArgument, "volume_id"},
		"no target":            {changed(func(r *csi.NodePublishVolumeRequest) { r.TargetPath = "" }), codes.InvalidArgument, "target_path"},
		"relative target":      {changed(func(r *csi.NodePublishVolumeRequest) { r.TargetPath = "here" }), codes.InvalidArgument, "here"},
		"no capability":        {changed(func(r *csi.NodePublishVolumeRequest) { r.VolumeCapability = nil }), codes.InvalidArgument, "volume_capability"},
		"block device": {changed(func(r *csi.NodePublishVolumeRequest) {
			r.VolumeCapability.AccessType = &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
		}), codes.InvalidArgument, "volumeMode"},
		"mount option": {changed(func(r *csi.NodePublishVolumeRequest) { r.VolumeCapability.GetMount().MountFlags = []string{"exec"} }), codes.InvalidArgument, `"exec"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.NodePublishVolume(t.Context(), test.r)
			require.Equal(t, test.code, status.Code(err), "%v", err)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "\n")
			if strings.HasPrefix(test.r.TargetPath, "/") {
				require.NoDirExists(t, test.r.TargetPath)
			}
		})
	}
	require.Empty(t, c.mounts())
	r := c.volume("pod", "web")
	c.publish(r)
	c.reads(r)
}

// A token for the wrong audience is refused in the server's words.
func TestAudience(t *testing.T) {
	c := newCluster(t)
	r := c.volume("pod", "web", "audience=vault")
	r.Secrets[accountTokens] = c.tokens("shop:web", "vault")
	_, err := c.NodePublishVolume(t.Context(), r)
	require.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	require.ErrorContains(t, err, "audience is not allowed")
	r.VolumeContext[wordAudience] = "infisical"
	c.publish(r)
	c.reads(r)
}

// Before Kubernetes 1.36 tokens may be among the attributes.
func TestTokensAmongTheAttributes(t *testing.T) {
	c := newCluster(t)
	r := c.volume("pod", "web", accountTokens+"="+c.tokens("shop:web"))
	r.Secrets = nil
	c.publish(r)
	c.reads(r)
}

// A volume that is mounted is not disturbed by whatever comes with it again: an error would make
// the kubelet remove it.
func TestPublishedAgain(t *testing.T) {
	c := newCluster(t)
	r := c.volume("pod", "web")
	c.publish(r)
	for name, change := range map[string]func(*csi.NodePublishVolumeRequest){
		"no token":       func(r *csi.NodePublishVolumeRequest) { r.Secrets = nil },
		"other token":    func(r *csi.NodePublishVolumeRequest) { r.Secrets[accountTokens] = c.tokens("other:web") },
		"no capability":  func(r *csi.NodePublishVolumeRequest) { r.VolumeCapability = nil },
		"attribute":      func(r *csi.NodePublishVolumeRequest) { r.VolumeContext["colour"] = "red" },
		"identity":       func(r *csi.NodePublishVolumeRequest) { r.VolumeContext["identity-id"] = "another" },
		"a group":        func(r *csi.NodePublishVolumeRequest) { r.VolumeCapability.GetMount().VolumeMountGroup = "2000" },
		"no information": func(r *csi.NodePublishVolumeRequest) { r.VolumeContext = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := c.volume("pod", "web")
			change(r)
			c.publish(r)
			c.reads(r)
		})
	}
	require.Len(t, c.mounts(), 1)
	_, err := c.NodePublishVolume(t.Context(), func() *csi.NodePublishVolumeRequest { r := c.volume("pod", "web"); r.VolumeId = "another"; return r }())
	require.Equal(t, codes.AlreadyExists, status.Code(err))
}

// A pod that starts while the server is away waits for it, and starts without anybody's help.
func TestServerIsDownAtPodStart(t *testing.T) {
	c := newCluster(t)
	back := c.Inject(devserver.Fault{Status: http.StatusServiceUnavailable})
	r := c.volume("pod", "web")
	_, err := c.NodePublishVolume(t.Context(), r)
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
	require.NoDirExists(t, r.TargetPath)
	back()
	c.publish(r)
	c.reads(r)
}

// The fsGroup of a pod comes as the group that is to read.
func TestGroup(t *testing.T) {
	c := newCluster(t)
	for name, test := range map[string]struct {
		words     []string
		gid       uint32
		file, dir os.FileMode
	}{
		"plain":  {nil, 2000, 0o440, 0o550},
		"own":    {[]string{"mode=0400"}, 2000, 0o400, 0o550},
		"gid":    {[]string{"gid=7"}, 7, 0o440, 0o550},
		"writer": {[]string{"write=true"}, 2000, 0o660, 0o770},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.volume(name, "web", test.words...)
			r.Readonly = false
			r.VolumeCapability.GetMount().VolumeMountGroup = "2000"
			c.publish(r)
			file, err := os.Stat(r.TargetPath + "/GREETING")
			require.NoError(t, err)
			dir, err := os.Stat(r.TargetPath)
			require.NoError(t, err)
			require.Equal(t, test.file, file.Mode().Perm())
			require.Equal(t, test.dir, dir.Mode().Perm())
			require.Equal(t, test.gid, file.Sys().(*syscall.Stat_t).Gid)
		})
	}
}

// What is shown can be changed only if the volume says so, and the pod does not say otherwise.
func TestWrite(t *testing.T) {
	c := newCluster(t)
	r := c.volume("pod", "web", "write=true")
	c.publish(r)
	require.ErrorIs(t, os.WriteFile(r.TargetPath+"/GREETING", []byte("x"), 0o600), syscall.EROFS)
	r = c.volume("writer", "web", "write=true")
	r.Readonly = false
	c.publish(r)
	require.NoError(t, os.WriteFile(r.TargetPath+"/GREETING", []byte("changed"), 0o600))
	stored, _ := c.Lookup("demo", "dev", "/", "GREETING")
	require.Equal(t, "changed", stored.Value)
}

// A Secret of the pod's namespace can hold a client secret instead; the token that the kubelet sends
// with it is not shown then.
func TestClientSecret(t *testing.T) {
	c := newCluster(t)
	who := c.Credentials("viewer")
	r := c.volume("pod", "web")
	r.Secrets[clientID], r.Secrets[clientSecret] = who.ClientID, who.ClientSecret
	c.publish(r)
	c.reads(r)
	for _, request := range c.Requests() {
		require.NotContains(t, request.Path, "kubernetes-auth")
	}
	thief := c.volume("thief", "web")
	thief.Secrets[clientID], thief.Secrets[clientSecret] = who.ClientID, "guessed"
	_, err := c.NodePublishVolume(t.Context(), thief)
	require.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	require.NotContains(t, err.Error(), "guessed")
	require.NoDirExists(t, thief.TargetPath)
}
