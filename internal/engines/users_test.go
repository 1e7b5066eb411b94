package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Containers have users of their own, whose numbers begin at 100000 on the machine. A
// volume for one group says which it is there; what is for all, all read.
func TestUserNamespaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plugin()
	subordinate(t)
	_, remapped := w.ownDocker("--userns-remap=nobody:nogroup")
	for _, c := range []struct {
		e     *engine
		how   string // of a volume: runc before 1.2 is to be told of each flag that the mount has
		flags []string
	}{
		{remapped, "ro", nil},
		{podman(t), "ro,noexec", []string{"--uidmap=0:100000:65536", "--gidmap=0:100000:65536"}},
	} {
		t.Run(c.e.name, func(t *testing.T) {
			t.Parallel()
			box := func(command string, flags ...string) string {
				t.Helper()
				return c.e.box(t, command, append(flags, c.flags...)...)
			}
			require.Regexp(t, `^0 +100000 +65536$`, box("cat /proc/self/uid_map"))
			all, group := "all-"+c.e.name, "group-"+c.e.name
			c.e.create(t, p, all)
			c.e.create(t, p, group, "mode=0440", "dir-mode=0550", "gid=101000")
			require.Equal(t, "hello, world", box("cat /s/GREETING", "-v="+all+":/s:"+c.how))
			require.Equal(t, "hello, world", box("cat /s/GREETING", "-v="+group+":/s:"+c.how, "--user=1000:1000"))
			require.Contains(t, box("cat /s/GREETING 2>&1 || true", "-v="+group+":/s:"+c.how, "--user=1001:1001"), "Permission denied")
		})
	}
}

// A mount for root alone is bound so that the container's root is root there.
// Of Debian's engines podman can, and crun below it.
func TestIdmapped(t *testing.T) {
	t.Parallel()
	needEngines(t, "crun")
	w := newWorld(t)
	m := w.mount("--mode=0400", "--dir-mode=0500")
	e := podman(t)
	args := append([]string{"--runtime=crun"}, boxArgs("--rm", "stat -c '%u %a' /s/GREETING; cat /s/GREETING; (echo x >/s/GREETING) 2>&1; true",
		[]string{"--uidmap=0:100000:65536", "--gidmap=0:100000:65536", "-v=" + m.dir + ":/s:ro,idmap"})...)
	out, err := withoutHybrid(e.command(args...)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "0 400\nhello, world")
	require.Contains(t, string(out), "Read-only file system")
}

// withoutHybrid has a command of an engine see one version of cgroups only: where there
// are both, Debian's crun gives up.
func withoutHybrid(cmd *exec.Cmd) *exec.Cmd {
	apart := exec.Command("unshare", append([]string{"--mount", "--propagation=private", "sh", "-c",
		`umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"`, "sh"}, cmd.Args...)...)
	apart.Env = cmd.Env
	return apart
}

// subordinate lets the user nobody have the users from 100000 on, for as long as these
// tests' mount namespace is there.
func subordinate(t *testing.T) {
	t.Helper()
	file := filepath.Join(tmp, "subordinate")
	require.NoError(t, os.WriteFile(file, []byte("nobody:100000:65536\n"), 0o644))
	for _, name := range []string{"/etc/subuid", "/etc/subgid"} {
		require.NoError(t, unix.Mount(file, name, "", unix.MS_BIND, ""))
	}
}
