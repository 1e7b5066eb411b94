package compat

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var otherRows = []reader{
	{name: "Ruby's dotenv", version: debian("ruby-dotenv"), needs: []string{"ruby"}, use: []string{".env.compose"}, others: envColumns, runs: true, read: ruby("dotenv")},
	{name: "Ruby (`YAML`)", version: says("ruby", "--version"), needs: []string{"ruby"}, use: []string{".secrets.yaml"}, read: ruby("psych")},
	{name: "Ruby (`JSON`)", version: says("ruby", "--version"), needs: []string{"ruby"}, use: []string{".secrets.json"}, read: ruby("json")},
	{name: "symfony/dotenv", version: debian("php-symfony-dotenv"), needs: []string{"php"}, use: []string{".env.compose"}, others: envColumns, runs: true, read: php("symfony"),
		byItself: "runs `$(command)`, also between double quotes"},
	{name: "vlucas/phpdotenv", version: debian("php-vlucas-phpdotenv"), needs: []string{"php"}, use: []string{".env.compose"}, others: envColumns, read: php("phpdotenv")},
	{name: "PHP (`json_decode`)", version: says("php", "--version"), needs: []string{"php"}, use: []string{".secrets.json"}, read: php("json_decode")},
	{name: "jq", version: says("jq", "--version"), needs: []string{"jq"}, use: []string{".secrets.json"}, read: each(func(t *testing.T, file string) (map[string]string, error) {
		out, err := exec.CommandContext(t.Context(), "jq", ".", file).Output()
		if err != nil {
			return nil, err
		}
		m := map[string]string{}
		return m, json.Unmarshal(out, &m)
	})},
}

func ruby(reader string) func(t *testing.T, files []string) []reading {
	return interpreted("ruby.rb", reader, "ruby")
}

func php(reader string) func(t *testing.T, files []string) []reading {
	return interpreted("php.php", reader, "php")
}

// readPodman returns what podman would start a container with. It is not started: that takes
// more rights than reading a file. What podman says on standard error is about the
// machine, such as a network plugin that is missing, and not about the file.
func readPodman(t *testing.T, file string) (map[string]string, error) {
	dir, err := os.MkdirTemp("", "pod") // its paths may have 50 characters
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	podman := func(args ...string) []byte {
		out, _ := outputs(t, dir, "podman", append([]string{"--root", dir + "/root", "--runroot", dir + "/runroot", "--tmpdir", dir + "/tmp",
			"--storage-driver=vfs", "--events-backend=none", "--cgroup-manager=cgroupfs"}, args...)...)
		return out
	}
	podman("create", "--name=reader", "--network=none", "--env-file="+file, "--rootfs", t.TempDir(), "/nothing")
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
	return got, nil
}
