package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// What asks for one folder, with a token and the project's id, is one request: nobody looks for
// the project, lists folders, or asks twice for what is mounted next.
func TestOneFolderIsOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	environ := append(cleanEnviron(), "INFISICAL_API_URL="+w.url, "INFISICAL_TOKEN="+w.UserToken())
	cost := func(args ...string) (printed string, paths []string) {
		w.ResetRequests()
		cmd := exec.Command(program, args...)
		cmd.Env = environ
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		for _, r := range w.Requests() {
			paths = append(paths, r.Path)
		}
		return string(out), paths
	}
	want, paths := cost("export", "--project=demo", "--env=dev", ".env.sh")
	require.Contains(t, want, "GREETING=")
	require.Len(t, paths, 2, "with the list of projects: %q", paths)
	id := w.Requests()[1].Query.Get("projectId")
	require.NotEmpty(t, id)

	printed, paths := cost("export", "--project="+id, "--env=dev", ".env.sh")
	require.Equal(t, want, printed)
	require.Equal(t, []string{"/api/v4/secrets"}, paths)

	needFUSE(t)
	printed, paths = cost("run", "--project="+id, "--env=dev", "--env-from=.secrets.json", "--", "sh", "-c", `printf %s "$GREETING"`)
	require.Equal(t, "hello, world", printed)
	require.Equal(t, []string{"/api/v4/secrets"}, paths)

	printed, paths = cost("run", "--project="+id, "--env=dev", "--env-from=.secrets.json", "--", "sh", "-c", `cat "$INFISICALFS_DIR/payments/STRIPE_KEY"`)
	require.NotEmpty(t, printed)
	t.Logf("and read in the mount: %s", strings.Join(paths, " "))
}

// An id of no project is said to be one.
func TestAnIDOfNoProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	cmd := exec.Command(program, "export", "--project=00000000-0000-4000-8000-000000000000", "--env=dev", ".env")
	cmd.Env = w.environ("admin")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "no project")
}
