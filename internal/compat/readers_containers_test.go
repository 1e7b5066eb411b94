package compat

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What podman would start a container with. It is not started: that takes more
// rights than reading a file. What podman says on standard error is about the
// machine, such as a network plugin that is missing, and not about the file.
func TestPodman(t *testing.T) {
	needs(t, "podman", "root") // users need ranges of other users for it
	w := newUglyWorld(t)
	dir, err := os.MkdirTemp("", "pod") // its paths may have 50 characters
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	podman := func(args ...string) []byte {
		out, _ := outputs(t, dir, "podman", append([]string{"--root", dir + "/root", "--runroot", dir + "/runroot", "--tmpdir", dir + "/tmp",
			"--storage-driver=vfs", "--events-backend=none", "--cgroup-manager=cgroupfs"}, args...)...)
		return out
	}
	podman("create", "--name=reader", "--network=none", "--env-file="+w.file(".env.docker"), "--rootfs", t.TempDir(), "/nothing")
	var pairs []string
	require.NoError(t, json.Unmarshal(podman("inspect", "--format={{json .Config.Env}}", "reader"), &pairs))
	got := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		got[name] = value
	}
	for _, own := range []string{"PATH", "TERM", "container", "HOME", "HOSTNAME"} {
		delete(got, own)
	}
	requireSame(t, held(".env.docker"), got, nil)
}
