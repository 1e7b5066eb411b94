package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What dotenv-expand runs is in no file that it may be given without somebody's wish.
func TestNoValueIsRun(t *testing.T) {
	nodeModules(t)
	canary := filepath.Join(t.TempDir(), "canary")
	value := fmt.Sprintf("$(touch %s)", canary)
	w := newServer(t)
	w.fill("app", map[string]string{"KEY": value})
	w.mount("--read-only")
	for _, name := range []string{".env", ".env.expand"} {
		_, err := os.ReadFile(w.path("app/" + name))
		require.ErrorIs(t, err, syscall.EINVAL)
		status, err := os.ReadFile(w.path(".infisicalfs/status"))
		require.NoError(t, err)
		require.Contains(t, string(status), name+` cannot hold \"KEY\": the value has $(`)
	}
	// The trial itself can fail.
	file := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(file, []byte("KEY='"+value+"'\n"), 0o600))
	got := node("dotenv-expand 1000")(t, []string{file})
	require.NoError(t, got[0].err)
	require.NotEqual(t, value, got[0].values["KEY"])
	require.FileExists(t, canary)
}

// With --env-dialect=expand .env is what .env.expand is always.
func TestExpandIsEnvExpand(t *testing.T) {
	w := newServer(t)
	w.fill("app", heldIn(".env.expand"))
	w.mount("--expand=false", "--read-only", "--env-dialect=expand")
	text, err := os.ReadFile(w.path("app/.env.expand"))
	require.NoError(t, err)
	same, err := os.ReadFile(w.path("app/.env"))
	require.NoError(t, err)
	require.NotEmpty(t, text)
	require.Equal(t, string(text), string(same))
}
