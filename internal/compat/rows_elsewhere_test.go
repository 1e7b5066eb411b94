package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// elsewhereRows are readers that scripts/compat --all fetches or builds, or that take long.
var elsewhereRows = []reader{
	{name: "just", version: says(fetched("just"), "--version"), instead: "`.env.compose`, at which it fails for a carriage return", others: []string{".env", ".env.compose"}, elsewhere: true,
		read: each(readJust)},
	{name: "mise (`_.file`)", version: says(fetched("mise"), "--version"), use: []string{".secrets.json"}, others: []string{".env", ".env.compose"}, environment: true,
		elsewhere: true, read: each(readMise)},
	{name: "Caddy (`{file.*}`)", version: recorded("caddyfile.version"), use: []string{ownFiles}, elsewhere: true, read: each(readCaddy), byItself: "nothing beyond 1 MiB",
		changes: func(value string) string {
			if strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r") != value {
				return "takes away a line end at the end, or a carriage return"
			}
			return ""
		}},
	{name: "systemd-creds (`cat`)", version: debian("systemd"), use: []string{ownFiles}, elsewhere: true,
		read: files(func(file string) (string, error) {
			cmd := exec.Command("systemd-creds", "cat", filepath.Base(file))
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "CREDENTIALS_DIRECTORY=" + filepath.Dir(file)}
			out, err := cmd.Output()
			return string(out), err
		})},
}

// fetched is a program that scripts/compat --all has put into its directory.
func fetched(program string) string { return filepath.Join(os.Getenv("COMPAT_ALL"), program) }

// recorded is a version that scripts/compat --all has written down.
func recorded(file string) version {
	return version{false, func(t *testing.T) string {
		text, err := os.ReadFile(fetched(file))
		require.NoError(t, err)
		return string(text)
	}}
}

// readJust has a recipe print the environment that dotenv-path makes.
func readJust(t *testing.T, file string) (map[string]string, error) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "justfile"), []byte("show:\n    @env -0\n"), 0o600))
	values, _, err := variables(t, dir, fetched("just"), "--dotenv-path", file, "show")
	return values, err
}

// readMise prints the environment of a directory whose file of settings names a file.
func readMise(t *testing.T, file string) (map[string]string, error) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mise.toml"), []byte(fmt.Sprintf("[env]\n_.file = %q\n", file)), 0o600))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `"$0" trust -q . && exec "$0" env --json`, fetched("mise"))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "MISE_OFFLINE=1"}
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var read map[string]any
	require.NoError(t, json.Unmarshal(out, &read))
	delete(read, "PATH")
	return texts(read), nil
}

func readCaddy(t *testing.T, directory string) (map[string]string, error) {
	out, err := exec.CommandContext(t.Context(), fetched("caddyfile"), directory).Output()
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	return m, json.Unmarshal(out, &m)
}
