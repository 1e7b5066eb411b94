package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// needPrograms skips where one is missing, unless that is not accepted.
func needPrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal("REQUIRE_FUSE is set and there is no ", name)
		}
		t.Skip("no ", name)
	}
}

// services is a server with folders in folders, as people keep them.
func services(t *testing.T, profile devserver.Profile) *world {
	secrets := func(pairs ...string) (list []devserver.SeedSecret) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, devserver.SeedSecret{Name: pairs[i], Value: pairs[i+1]})
		}
		return list
	}
	eu := devserver.SeedFolder{Name: "eu", SeedContent: devserver.SeedContent{Secrets: secrets("IBAN", "XX00 fake")}}
	return newWorld(t, devserver.Config{Profile: profile, Seed: &devserver.Seed{Projects: []devserver.SeedProject{{
		Slug: "demo", Environments: []devserver.SeedEnvironment{{Slug: "dev", SeedContent: devserver.SeedContent{
			Secrets: secrets("DATABASE_URL", "postgres://app:fake@db/app", "EMPTY", "", "TOKEN", "fake-token\n"),
			Folders: []devserver.SeedFolder{{Name: "payments", SeedContent: devserver.SeedContent{
				Secrets: secrets("STRIPE_KEY", "fake-stripe-key"), Folders: []devserver.SeedFolder{eu},
			}}},
		}}},
	}}}})
}

var readDev = []string{"--project=demo", "--env=dev", "--read-only"}

// Programs that take a directory of files for an environment die of a directory
// in it, or pass it over: they want it flat.
func TestFlatForEnvironments(t *testing.T) {
	needPrograms(t, "envdir", "chpst", "s6-envdir")
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := services(t, profile)
		tree := w.mount(t, "admin", readDev...)
		for _, program := range []string{"envdir", "s6-envdir"} {
			out, err := exec.Command(program, tree.dir, "true").CombinedOutput()
			require.Error(t, err, "%s takes a tree: nobody needs --layout=flat for it", program)
			require.Contains(t, strings.ToLower(string(out)), "is a directory")
		}
		flat := w.mount(t, "admin", append(readDev, "--layout=flat")...)
		for _, program := range [][]string{{"envdir"}, {"chpst", "-e"}, {"s6-envdir"}} {
			args := append(program[1:len(program):len(program)], flat.dir, "env", "-0")
			cmd := exec.Command(program[0], args...)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "EMPTY=to be removed"}
			out, err := cmd.Output()
			require.NoError(t, err, program[0])
			require.ElementsMatch(t, []string{
				"PATH=" + os.Getenv("PATH"), "DATABASE_URL=postgres://app:fake@db/app", "TOKEN=fake-token",
				"payments__STRIPE_KEY=fake-stripe-key", "payments__eu__IBAN=XX00 fake",
			}, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), program[0])
		}
	})
}

// configTree reads a directory as Spring's configtree: does: every regular file,
// links followed, is a property whose name has dots for slashes; what has two
// dots at the beginning of an element is passed over; a newline that is the only
// one, at the end, is cut.
func configTree(t *testing.T, dir, prefix string, depth int) map[string]string {
	properties := make(map[string]string)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		require.NoError(t, err)
		switch {
		case strings.HasPrefix(e.Name(), ".."):
		case info.IsDir() && depth < 100:
			for name, value := range configTree(t, path, prefix+e.Name()+".", depth+1) {
				properties[name] = value
			}
		case info.Mode().IsRegular():
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			value := string(text)
			if strings.Count(value, "\n") == 1 {
				value = strings.TrimSuffix(value, "\n")
			}
			properties[prefix+e.Name()] = value
		}
	}
	return properties
}

// Each layout gives Spring each property once and nothing else.
func TestConfigTree(t *testing.T) {
	w := services(t, devserver.Current)
	want := map[string]string{
		"DATABASE_URL": "postgres://app:fake@db/app", "EMPTY": "", "TOKEN": "fake-token",
		"payments.STRIPE_KEY": "fake-stripe-key", "payments.eu.IBAN": "XX00 fake",
	}
	for _, flags := range [][]string{nil, {"--layout=k8s"}, {"--layout=flat", "--separator=."}, {"--add-newline"}, {"--trim-newline"}} {
		m := w.mount(t, "admin", append(readDev, flags...)...)
		require.Equal(t, want, configTree(t, m.dir, "", 0), flags)
	}
	m := w.mount(t, "admin", append(readDev, "--names=kebab", "--exclude=payments/eu", "--exclude=EMPTY")...)
	require.Equal(t, map[string]string{
		"database-url": "postgres://app:fake@db/app", "token": "fake-token", "payments.stripe-key": "fake-stripe-key",
	}, configTree(t, m.dir, "", 0))
}

// A change shows in one step: through one link all files are of one version.
func TestGenerationsAreSwapped(t *testing.T) {
	w := services(t, devserver.Current)
	m := w.mount(t, "admin", append(readDev, "--layout=k8s", "--ttl=0")...)
	before, err := os.Readlink(m.path("..data"))
	require.NoError(t, err)
	through, err := os.OpenRoot(m.path("..data"))
	require.NoError(t, err)
	defer through.Close()
	w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "TOKEN", "another") })
	after, err := os.Readlink(m.path("..data"))
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	text, err := os.ReadFile(m.path("TOKEN"))
	require.NoError(t, err)
	require.Equal(t, "another", string(text))
	text, err = through.ReadFile("TOKEN")
	require.NoError(t, err)
	require.Equal(t, "fake-token\n", string(text))
}

// OpenSSH refuses a private key that others may read, libpq a password file.
func TestModesThatReadersInsistOn(t *testing.T) {
	needPrograms(t, "ssh-keygen", "psql")
	w := services(t, devserver.Current)
	key := filepath.Join(w.tmp, "key")
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput()
	require.NoError(t, err, "%s", out)
	private, err := os.ReadFile(key)
	require.NoError(t, err)
	public, err := os.ReadFile(key + ".pub")
	require.NoError(t, err)
	w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "id_ed25519", string(private)) })
	w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "pgpass", "*:*:*:app:fake") })

	try := func(dir string) (ssh, psql string) {
		out, _ := exec.Command("ssh-keygen", "-y", "-f", filepath.Join(dir, "id_ed25519")).CombinedOutput()
		cmd := exec.Command("psql", "-w", "-h", "127.0.0.1", "-p", "1", "-U", "app", "-c", "", "app")
		cmd.Env = append(os.Environ(), "PGPASSFILE="+filepath.Join(dir, "pgpass"), "LC_ALL=C")
		warning, _ := cmd.CombinedOutput() // nobody listens there
		return string(out), string(warning)
	}
	wide := w.mount(t, "admin", append(readDev, "--mode=0444")...)
	ssh, psql := try(wide.dir)
	require.Contains(t, ssh, "bad permissions")
	require.Contains(t, psql, "WARNING: password file")

	narrow := w.mount(t, "admin", append(readDev, "--mode=0444", "--chmod=*=0440", "--chmod=id_*=0400", "--chmod=pgpass=0600")...)
	ssh, psql = try(narrow.dir)
	require.Equal(t, strings.Fields(string(public))[:2], strings.Fields(ssh)[:2])
	require.NotContains(t, psql, "WARNING")

	// The same by the secret's own metadata, up to the ceiling.
	w.edit(t, func(e *devserver.Editor) error {
		return e.Metadata("demo", "dev", "/", "id_ed25519", map[string]string{"fs.mode": "0400"})
	})
	w.edit(t, func(e *devserver.Editor) error {
		return e.Metadata("demo", "dev", "/", "pgpass", map[string]string{"fs.mode": "0640"})
	})
	asked := w.mount(t, "admin", append(readDev, "--mode=0444", "--server-modes=0440")...)
	ssh, psql = try(asked.dir)
	require.Equal(t, strings.Fields(string(public))[:2], strings.Fields(ssh)[:2])
	require.Contains(t, psql, "WARNING: password file", "0640 is more than the ceiling: the mount's mode is in force")
	log, err := os.ReadFile(asked.log)
	require.NoError(t, err)
	require.Contains(t, string(log), "fs.mode=0640 has bits that --server-modes=0440 does not allow")
}

// A file that is given to another user can be read by that user, and the others
// cannot.
func TestAFileForAnotherUser(t *testing.T) {
	needPrograms(t, "setpriv")
	needRoot(t)
	w := services(t, devserver.Current)
	require.NoError(t, os.Chmod(base, 0o755))
	require.NoError(t, os.Chmod(w.tmp, 0o755))
	m := w.mount(t, "admin", append(readDev, "--allow-other", "--dir-mode=0555", "--chmod=TOKEN=,nobody", "--chmod=payments/**=0440,:nogroup")...)
	nobody := func(path ...string) error {
		return exec.Command("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "cat", m.path(path...)).Run()
	}
	require.NoError(t, nobody("TOKEN"))
	require.NoError(t, nobody("payments", "eu", "IBAN"))
	require.Error(t, nobody("DATABASE_URL"))
	info, err := os.Stat(m.path("TOKEN"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o400), info.Mode())
}

// A shell that looks for .git in a flat directory over a hundred folders asks for
// none of them.
func TestLookingForANameInAFlatDirectory(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile})
		many(t, w)
		m := w.mount(t, "viewer", "--project=demo", "--env=prod", "--read-only", "--layout=flat", "--watch=off")
		entries, err := os.ReadDir(m.dir)
		require.NoError(t, err)
		require.Len(t, entries, 1001)
		before := m.status(t).Server.Total
		for _, name := range []string{".git", "HEAD", "team9__KEY", "team1__service06__NOTHING"} {
			_, err := os.Stat(m.path(name))
			require.ErrorIs(t, err, fs.ErrNotExist, name)
		}
		require.LessOrEqual(t, m.status(t).Server.Total-before, 6, "the root, and the two folders on the way to the last name")
		text, err := os.ReadFile(m.path(".secrets.json"))
		require.NoError(t, err)
		require.Equal(t, 1001, strings.Count(string(text), "\n")-2, "a view is of all")
	})
}

// Walking through a hundred volumes costs what walking through a tree does.
func TestWalkingThroughVolumes(t *testing.T) {
	needPrograms(t, "rsync")
	w := newWorld(t, devserver.Config{})
	want := many(t, w)
	for name, command := range map[string]string{
		"grep": "grep -Rc . MNT | wc -l", "find": "find -L MNT -type f | wc -l", "ls": "ls -lRL MNT | grep -c ^-", "rsync": "rsync -aL --list-only MNT/ | grep -c ^-",
	} {
		m := w.mount(t, "viewer", "--project=demo", "--env=prod", "--read-only", "--layout=k8s", "--watch=off")
		before := m.status(t).Server.Total
		printed := sh(t, w.tmp, strings.ReplaceAll(command, "MNT", m.dir))
		require.LessOrEqual(t, m.status(t).Server.Total-before, 3, name)
		require.Contains(t, []string{fmt.Sprint(len(want)), fmt.Sprint(3 * len(want))}, strings.TrimSpace(printed), name+": by its link, and through ..data and what that leads to")
	}
}

// The views are found in a generation too, as links to the directory's, and not listed there.
func TestViewsOfAGeneration(t *testing.T) {
	w := newWorld(t, devserver.Config{})
	m := w.mount(t, "viewer", append(readDev, "--read-only", "--layout=k8s", "--list-views=.env")...)
	for _, value := range []string{"first", "second"} {
		w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", value) })
		m.refresh(t)
		for _, view := range []string{".env", ".secrets.json"} {
			text, err := read(m, "..data/"+view)
			require.NoError(t, err, view)
			require.Contains(t, text, value)
			same, err := read(m, view)
			require.NoError(t, err, view)
			require.Equal(t, same, text)
		}
	}
	names, err := os.ReadDir(m.path("..data"))
	require.NoError(t, err)
	for _, name := range names {
		require.NotContains(t, name.Name(), ".env")
	}
}
