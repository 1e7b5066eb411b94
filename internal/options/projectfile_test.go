package options

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
)

// plant writes files below a new directory and returns it.
func plant(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func TestFindProjectFile(t *testing.T) {
	dir := plant(t, map[string]string{
		"outer/.infisical.json":       `{"workspaceId": "outer"}`,
		"outer/inner/.infisical.json": `{"workspaceId": "inner", "gitBranchToEnvironmentMapping": null, "unknown": 1}`,
		"outer/inner/a/b/file":        "",
		"outer/other/file":            "",
		"broken/.infisical.json":      `{"workspaceId": 7}`,
		"none/file":                   "",
	})
	for start, want := range map[string]string{
		"outer": "outer", "outer/other": "outer", "outer/inner": "inner", "outer/inner/a/b": "inner", "none": "",
	} {
		f, err := findProjectFile(filepath.Join(dir, start))
		require.NoError(t, err)
		if want == "" {
			require.Nil(t, f, start)
			continue
		}
		require.Equal(t, want, f.WorkspaceID, start)
	}

	_, err := findProjectFile(filepath.Join(dir, "broken"))
	require.Equal(t, exitcode.Config, exitcode.Of(err))
	require.NotEmpty(t, hintOf(err))

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "unreadable/.infisical.json"), 0o700))
	_, err = findProjectFile(filepath.Join(dir, "unreadable"))
	require.ErrorContains(t, err, "cannot read", "an error is not an absence")
}

func TestGitBranch(t *testing.T) {
	dir := plant(t, map[string]string{
		"repo/.git/HEAD":                    "ref: refs/heads/feature/x\n",
		"repo/a/b/file":                     "",
		"repo/.git/worktrees/w/HEAD":        "ref: refs/heads/side\n",
		"detached/.git/HEAD":                "0123456789abcdef0123456789abcdef01234567\n",
		"none/file":                         "",
		"super/.git/HEAD":                   "ref: refs/heads/main\n",
		"super/sub/.git":                    "gitdir: ../.git/modules/sub\n",
		"super/.git/modules/sub/HEAD":       "ref: refs/heads/of-sub\n",
		"repo/a/strange/.git":               "nonsense\n",
		"worktree/.infisical.json":          `{"defaultEnvironment": "dev", "gitBranchToEnvironmentMapping": {"side": "prod", "": "never"}}`,
		"worktree-elsewhere/unrelated/file": "",
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "worktree/.git"), []byte("gitdir: "+filepath.Join(dir, "repo/.git/worktrees/w")), 0o600))
	for start, want := range map[string]string{
		"repo": "feature/x", "repo/a/b": "feature/x", "repo/a/strange": "feature/x", "detached": "", "none": "",
		"worktree": "side", "super/sub": "of-sub",
	} {
		require.Equal(t, want, gitBranch(filepath.Join(dir, start)), start)
	}

	f, err := findProjectFile(filepath.Join(dir, "worktree"))
	require.NoError(t, err)
	require.Equal(t, "prod", f.environment())
	require.NoError(t, os.Remove(filepath.Join(dir, "worktree/.git")))
	require.Equal(t, "dev", f.environment())
}

func TestSameServer(t *testing.T) {
	for _, same := range [][2]string{
		{"https://a.example.com", "https://a.example.com/api/"},
		{"a.example.com", "https://A.example.com:443"},
		{"https://a.example.com/infisical", "https://a.example.com/infisical/api"},
		{" http://127.0.0.1:8080 ", "http://127.0.0.1:8080/"},
	} {
		require.True(t, sameServer(same[0], same[1]), "%q", same)
	}
	for _, other := range [][2]string{
		{"https://a.example.com", "http://a.example.com"},
		{"https://a.example.com", "https://b.example.com"},
		{"https://a.example.com", "https://a.example.com:8443"},
		{"https://a.example.com@evil.invalid", "https://a.example.com"},
		{"https://evil.invalid/https://a.example.com", "https://a.example.com"},
		{"https://a.example.com", "https://a.example.com/other"},
	} {
		require.False(t, sameServer(other[0], other[1]), "%q", other)
	}
}
