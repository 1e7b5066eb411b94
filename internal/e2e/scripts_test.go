package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// script is the path of a program in scripts, from anywhere.
func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../scripts", name))
	require.NoError(t, err)
	return path
}

// said runs a command with these variables besides its own, and returns its exit
// code and what it said on both streams.
func said(t *testing.T, dir string, variables []string, command string, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Dir, cmd.Env = dir, append(cleanEnviron(), variables...)
	text, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, err)
	return cmd.ProcessState.ExitCode(), string(text)
}

func TestScriptsExplainThemselves(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"quickstart", "install", "test", "vulncheck"} {
		for _, help := range []string{"-h", "--help"} {
			code, out := said(t, t.TempDir(), nil, script(t, name), help)
			require.Zero(t, code, "%s %s: %s", name, help, out)
			require.Contains(t, out, "scripts/"+name+" ", "%s %s", name, help)
			require.NotContains(t, out, "building", "%s %s", name, help)
		}
		code, out := said(t, t.TempDir(), nil, script(t, name), "--bogus")
		require.Equal(t, 2, code, "%s: %s", name, out)
		require.Contains(t, out, "scripts/"+name+" ", name)
	}
}

// A directory that is given to the quick start is the caller's, however it is
// called: here by a link from another place.
func TestQuickStartFromElsewhere(t *testing.T) {
	t.Parallel()
	needFUSE(t)
	dir := t.TempDir()
	require.NoError(t, os.Symlink(script(t, "quickstart"), filepath.Join(dir, "try")))
	code, out := said(t, dir, []string{"TMPDIR=" + base}, "./try", "--once", "secrets")
	require.Zero(t, code, out)
	require.Contains(t, out, "hello, world")
	require.Contains(t, out, "$ cat "+filepath.Join(dir, "secrets/demo/dev/GREETING")+"\n")
	require.NoDirExists(t, filepath.Join(dir, "secrets"), "it leaves nothing behind")
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, list, 1, "the link")
}

// Where nothing may be executed in TMPDIR, that is said, and what to do.
func TestQuickStartWhereNothingRuns(t *testing.T) {
	t.Parallel()
	needFUSE(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a tmpfs")
	}
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOEXEC, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	code, out := said(t, "/", []string{"TMPDIR=" + dir, "GOTMPDIR=" + base}, script(t, "quickstart"), "--once")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "set TMPDIR")
	require.NotContains(t, out, "ermission denied")
}

// What is installed for a package, and that removing it leaves no file.
func TestInstall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	destination := []string{"DESTDIR=" + dir, "TMPDIR=" + base}
	code, out := said(t, "/", destination, script(t, "install"), "--prefix", "/opt/secrets")
	require.Zero(t, code, out)
	files := filesBelow(t, dir)
	helper := slices.IndexFunc(files, func(f string) bool { return strings.HasSuffix(f, "sbin/mount.infisicalfs") })
	require.NotEqual(t, -1, helper, files)
	target, err := os.Readlink(filepath.Join(dir, files[helper]))
	require.NoError(t, err)
	require.Equal(t, "/opt/secrets/bin/infisicalfs", target)
	require.ElementsMatch(t, []string{
		"opt/secrets/bin/infisicalfs",
		"opt/secrets/share/man/man1/infisicalfs.1",
		"opt/secrets/share/bash-completion/completions/infisicalfs",
		"opt/secrets/share/zsh/site-functions/_infisicalfs",
		"opt/secrets/share/fish/vendor_completions.d/infisicalfs.fish",
		"opt/secrets/lib/systemd/system/infisicalfs@.service",
		"opt/secrets/lib/systemd/system/infisicalfs-named@.service",
		"opt/secrets/lib/systemd/system/infisicalfs-docker.service",
		"opt/secrets/lib/systemd/system/infisicalfs-docker.socket",
	}, slices.Delete(slices.Clone(files), helper, helper+1))
	for _, file := range files {
		require.Contains(t, out, filepath.Join(dir, file)+"\n", "it says what it makes")
	}
	unit := readFile(t, filepath.Join(dir, "opt/secrets/lib/systemd/system/infisicalfs@.service"))
	require.Contains(t, unit, "ExecStart=/opt/secrets/bin/infisicalfs mount")
	require.NotContains(t, unit, "/usr/local")
	code, version := said(t, "/", nil, filepath.Join(dir, "opt/secrets/bin/infisicalfs"), "version")
	require.Zero(t, code, version)

	// A second time replaces; somebody else's file beside ours stays.
	code, out = said(t, "/", destination, script(t, "install"), "--prefix=/opt/secrets/")
	require.Zero(t, code, out)
	require.ElementsMatch(t, files, filesBelow(t, dir))
	other := filepath.Join(dir, "opt/secrets/bin/other")
	require.NoError(t, os.WriteFile(other, nil, 0o755))
	code, out = said(t, "/", destination, script(t, "install"), "--prefix", "/opt/secrets", "--uninstall")
	require.Zero(t, code, out)
	require.Equal(t, []string{"opt/secrets/bin/other"}, filesBelow(t, dir))
}

// filesBelow lists what is below dir and no directory, relative to dir.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path, err = filepath.Rel(dir, path)
			list = append(list, path)
		}
		return err
	}))
	return list
}

// toolbox makes a directory to be the only one of PATH, with these programs.
func toolbox(t *testing.T, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range programs {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		path, err = filepath.EvalSymlinks(path)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(dir, name)))
	}
	return dir
}

// basics are what scripts/test itself is made of.
var basics = []string{"sh", "id", "env", "dirname", "readlink", "mktemp", "chmod", "rm", "awk", "sed", "grep", "cat", "true"}

// All that is missing is said at once, before anything is done.
func TestTestsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	path := "PATH=" + toolbox(t, basics...)
	code, out := said(t, "/", []string{path, "REQUIRE_FUSE=1"}, script(t, "test"))
	require.Equal(t, 1, code, out)
	for _, missing := range []string{"https://go.dev/doc/install", " gcc", " git", " npm", " fuse3", " rsync", " vim", " podman"} {
		require.Contains(t, out, missing)
	}
	require.NotContains(t, out, "not found")

	code, out = said(t, "/", []string{path, "REQUIRE_FUSE="}, script(t, "test"))
	require.Equal(t, 1, code, "without Go and gcc nothing goes: %s", out)
}

// Another apt that holds the lock is waited for; any other failure of apt is
// shown as apt said it.
func TestTestsWaitForApt(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("users install nothing")
	}
	for _, c := range []struct{ what, apt, want string }{
		{"locked", `if [ ! -e "$0.tried" ]; then : >"$0.tried"; echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt)" >&2; exit 100; fi
			case "$*" in *update*) exit 0 ;; esac; echo "E: installing $*" >&2; exit 100`, "waiting for another apt"},
		{"broken", `echo "E: the disk is full" >&2; exit 100`, "the disk is full"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			dir := toolbox(t, append(basics, "go")...)
			for name, text := range map[string]string{"apt-get": c.apt, "sleep": ""} {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
			}
			code, out := said(t, "/", []string{"PATH=" + dir}, script(t, "test"))
			require.Equal(t, 1, code, out)
			require.Contains(t, out, c.want)
			if c.what == "locked" {
				require.Contains(t, out, "E: installing")
				require.Contains(t, out, " gcc ")
				require.Contains(t, out, " npm ")
			}
		})
	}
}

// The place where tests run: signals that the caller ignores are not ignored
// there, and nothing of it is left, neither mounts nor files.
func TestThePlaceOfTests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	note := filepath.Join(dir, "note")
	begin := `echo "$TMPDIR" >` + note + `; readlink /proc/self/ns/mnt >>` + note + `; echo x >"$TMPDIR/file"; `
	if os.Geteuid() == 0 {
		begin += `mkdir "$TMPDIR/a %s b"; mount -t tmpfs x "$TMPDIR/a %s b"; grep -qF "$TMPDIR" /proc/self/mountinfo || exit 9; `
	}
	test := script(t, "test")
	for _, c := range []struct {
		how  string
		run  string // what the caller's shell does; $0 is the script
		code int
	}{
		{"it ends", `exec "$0" sh -c '` + begin + `exit 3'`, 3},
		{"under nohup", `trap "" HUP INT; exec "$0" sh -c '` + begin + `kill -HUP $$; exit 4'`, 128 + 1},
		{"ended by a signal", `"$0" sh -c '` + begin + `kill -TERM $PPID; exec sleep 1000' & wait $!`, 128 + 15},
	} {
		code, out := said(t, dir, nil, "sh", "-c", c.run, test)
		require.Equal(t, c.code, code, "%s: %s", c.how, out)
		place, namespace, _ := strings.Cut(strings.TrimSpace(readFile(t, note)), "\n")
		require.NoDirExists(t, place, c.how)
		table := readFile(t, "/proc/self/mountinfo")
		require.NotContains(t, table, place, c.how)
		if os.Geteuid() == 0 {
			ours, err := os.Readlink("/proc/self/ns/mnt")
			require.NoError(t, err)
			require.NotEqual(t, ours, namespace, c.how)
		}
	}
}
