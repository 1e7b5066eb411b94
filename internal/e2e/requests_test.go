package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// apps are fifty folders below prod, three levels deep, with a secret in each. With imports the
// first also shows what /shared has.
func apps(t *testing.T, w *world, imports bool) {
	t.Helper()
	w.edit(t, func(e *devserver.Editor) error {
		err := errors.Join(e.Set("demo", "prod", "/", "GREETING", "hello from prod"),
			e.Mkdir("demo", "prod", "/shared"), e.Set("demo", "prod", "/shared", "COMMON", "for all"))
		for i := range 50 {
			path := fmt.Sprintf("/apps/app%02d/config", i)
			err = errors.Join(err, e.Mkdir("demo", "prod", path), e.Set("demo", "prod", path, "KEY", path))
		}
		if imports {
			err = errors.Join(err, e.Import("demo", "prod", "/apps/app00/config", "prod", "/shared"))
		}
		return err
	})
}

// Who reads one secret far below waits for the folders on the way once, and then for the folder
// that has it.
func TestASecretFarBelowIsTwoRequests(t *testing.T) {
	t.Parallel()
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		w := newWorld(t, devserver.Config{Profile: profile})
		apps(t, w, true)
		for file, want := range map[string]string{
			"apps/app07/config/KEY":    "/apps/app07/config",
			"apps/app00/config/COMMON": "for all",
			"GREETING":                 "hello from prod",
		} {
			if profile != devserver.Current && file != "apps/app07/config/KEY" {
				continue
			}
			m := w.mount(t, "viewer", "--watch=off")
			before := m.status(t).Server.Total
			require.Equal(t, want, readFile(t, m.path("demo", "prod", file)))
			require.Equal(t, 2, m.status(t).Server.Total-before, file)
			m.unmount(t)
		}
		m := w.mount(t, "viewer", "--watch=off")
		for _, absent := range []string{"apps/app07/config/NOTHING", "apps/nothing/config/KEY", "nothing", "apps/app07/KEY"} {
			_, err := os.ReadFile(m.path("demo", "prod", absent))
			require.ErrorIs(t, err, fs.ErrNotExist, absent)
		}
		require.Equal(t, want50(), tree(t, m.path("demo", "prod", "apps")))
	}
}

// want50 is what the folder /apps of [apps] has, with imports.
func want50() map[string]string {
	want := map[string]string{"app00/config/COMMON": "for all"}
	for i := range 50 {
		want[fmt.Sprintf("app%02d/config/KEY", i)] = fmt.Sprintf("/apps/app%02d/config", i)
	}
	return want
}

// With imports in it, or a value that may not be read, a walk asks for each folder's secrets, as
// no bulk answer says which folder shows what; for folders it asks once.
func TestAWalkWithImportsIsARequestForEachFolder(t *testing.T) {
	t.Parallel()
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		w := newWorld(t, devserver.Config{Profile: profile})
		apps(t, w, true)
		m := w.mount(t, "viewer", "--watch=off")
		require.Equal(t, want50(), tree(t, m.path("demo", "prod", "apps")))
		folders := 1 + 50 + 50 // /apps, those of the apps, and what is in them
		require.LessOrEqual(t, m.status(t).Server.Total, 8+folders)
	}
}
