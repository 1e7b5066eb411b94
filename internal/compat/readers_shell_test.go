package compat

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// environment runs a program that prints its environment with NULs and returns
// what is in it, but for the names in besides.
func environment(t *testing.T, dir string, besides []string, name string, args ...string) map[string]string {
	t.Helper()
	out := output(t, dir, name, args...)
	m := map[string]string{}
	for pair := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		key, value, _ := strings.Cut(string(pair), "=")
		m[key] = value
	}
	for _, key := range besides {
		delete(m, key)
	}
	return m
}

// output runs a program that must have nothing to complain about.
func output(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	out, complaints := outputs(t, dir, name, args...)
	require.Empty(t, complaints)
	return out
}

// outputs runs a program that must succeed, and returns what it says on standard
// output and on standard error.
func outputs(t *testing.T, dir, name string, args ...string) (out []byte, complaints string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	for _, name := range []string{"PATH", "HOME", "NODE_CONFIG_DIR", "NODE_ENV"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out, stderr.String()
}

func TestShells(t *testing.T) {
	needs(t, "bash", "dash", "env")
	w := newUglyWorld(t)
	dir := filepath.Dir(w.file(".env.sh"))
	for _, command := range [][]string{
		{"bash", "-euc", `source ./.env.sh; exec env -0`},
		{"bash", "-c", `set -a; . ./.env.sh; set +a; exec env -0`},
		{"bash", "--posix", "-euc", `. ./.env.sh; exec env -0`},
		{"dash", "-euc", `. ./.env.sh; exec env -0`},
		{"dash", "-c", `set -a; . ./.env.sh; set +a; exec env -0`},
		{"bash", "-c", `BASH_ENV=./.env.sh exec bash -c 'exec env -0'`},
		{"dash", "-c", `eval "$(cat .env.sh)"; exec env -0`},
	} {
		t.Run(strings.Join(command, " "), func(t *testing.T) {
			got := environment(t, dir, []string{"PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_", "BASH_ENV"}, command[0], command[1:]...)
			requireSame(t, held(".env.sh"), got, nil)
		})
	}
}
