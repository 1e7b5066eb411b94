package secret_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var (
	root     = secret.Dir{}
	project  = secret.Dir{Project: "demo"}
	env      = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	folder   = secret.Dir{Project: "demo", Env: "dev", Path: "/a"}
	deeper   = secret.Dir{Project: "demo", Env: "dev", Path: "/a/b"}
	neighbor = secret.Dir{Project: "demo", Env: "dev", Path: "/ab"}
)

func TestDirLevels(t *testing.T) {
	for _, tc := range []struct {
		dir    secret.Dir
		parent secret.Dir
		name   string
		text   string
		holds  bool
	}{
		{root, root, "", "/", false},
		{project, root, "demo", "/demo", false},
		{env, project, "dev", "/demo/dev", true},
		{folder, env, "a", "/demo/dev/a", true},
		{deeper, folder, "b", "/demo/dev/a/b", true},
	} {
		require.Equal(t, tc.parent, tc.dir.Parent(), tc.text)
		require.Equal(t, tc.name, tc.dir.Name(), tc.text)
		require.Equal(t, tc.text, tc.dir.String())
		require.Equal(t, tc.holds, tc.dir.IsFolder(), tc.text)
		if tc.dir != root {
			require.Equal(t, tc.dir, tc.dir.Parent().Child(tc.dir.Name()), tc.text)
		}
	}
}

func TestDirContains(t *testing.T) {
	chain := []secret.Dir{root, project, env, folder, deeper}
	for i, above := range chain {
		for j, below := range chain {
			require.Equal(t, i <= j, above.Contains(below), "%s contains %s", above, below)
		}
	}
	for _, pair := range [][2]secret.Dir{
		{folder, neighbor},
		{neighbor, folder},
		{project, {Project: "demo2"}},
		{env, {Project: "demo", Env: "prod", Path: "/"}},
		{folder, {Project: "demo", Env: "prod", Path: "/a"}},
		{folder, {Project: "other", Env: "dev", Path: "/a"}},
	} {
		require.False(t, pair[0].Contains(pair[1]), "%s contains %s", pair[0], pair[1])
	}
}
