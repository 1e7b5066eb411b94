package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// A mount in a work tree is a directory of it for "git clean", which knows no
// file systems: docs/TROUBLE.md says so, and to mount read-only there.
func TestGitCleanOverAMount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		there bool
	}{{nil, false}, {[]string{"--read-only"}, true}} {
		w := newWorld(t, devserver.Config{})
		m := w.mount(t, "admin", append(c.flags, "--project=demo", "--env=dev")...)
		sh(t, w.tmp, "git init -q; echo '*' >.gitignore; git add -f .gitignore")
		require.FileExists(t, m.path("GREETING"))
		out, err := shell(w.tmp, "git clean -fdx").CombinedOutput()
		require.Error(t, err, "the mount itself stays")
		require.Contains(t, string(out), "-mnt")
		_, there := w.Lookup("demo", "dev", "/", "GREETING")
		require.Equal(t, c.there, there, "%s", out)
	}
}
