package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the page for users has in console blocks is run as it stands there, in one shell,
// with an image, a project and directories of the test in the place of the reader's.
func TestDockerPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, p := docker(t), w.plugin()
	theirs := strings.NewReplacer(
		"-d infisicalfs", "-d "+p.name, "identity=ci", "identity=admin",
		"project=shop -o env=prod", "project=demo -o env=dev", "--project shop --env prod", "--project demo --env dev",
		"docker run --rm", "docker run --rm --network=none", " alpine ", " "+image+" ",
		"/srv/secrets", w.dir+"/srv", "/run/shop", w.dir+"/shop",
	)
	text, err := os.ReadFile("../../docs/DOCKER.md")
	require.NoError(t, err)
	script := []string{"mkdir " + w.dir + "/srv " + w.dir + "/shop"}
	for _, block := range strings.Split(string(text), "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
			require.True(t, ok, line)
			script = append(script, theirs.Replace(command))
		}
	}
	require.Greater(t, len(script), 10)
	shell := exec.Command("sh", "-eux", "-c", strings.Join(script, "\n"))
	shell.Env = append(w.environ("admin"), append(dockerEnviron(dockerDir()), "PATH="+tmp+":"+filepath.Dir(d.command().Path)+":"+os.Getenv("PATH"))...)
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s%s", out, p.said())
	for _, want := range []string{"postgres://demo:not-a-real-password@db", "STRIPE_KEY", "hello, world", "fake-stripe-key-for-demonstration"} {
		require.Contains(t, string(out), want)
	}
	d.run(t, "volume", "rm", "shop", "payments", "app")
}
