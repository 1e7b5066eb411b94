package engines

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

// systemd is where Debian has the manager: it is not in PATH.
const systemd = "/lib/systemd/systemd"

var managerOnce = sync.OnceValues(startManager)

// manager is systemd, as the manager of one user's services: the same program that
// is the machine's, with the same units. It has only those that the tests install.
type manager struct {
	dir string // what it has: units, configuration, sockets
	cmd *exec.Cmd
}

// systemdManager is the one manager of these tests, nil before the first asks for it.
var systemdManager *manager

func startManager() (*manager, error) {
	m := &manager{dir: filepath.Join(tmp, "s")}
	for _, dir := range []string{"units", "run", "config/infisicalfs", "log"} {
		if err := os.MkdirAll(filepath.Join(m.dir, dir), 0o700); err != nil {
			return nil, err
		}
	}
	if err := m.install(); err != nil {
		return nil, err
	}
	groups, err := managerGroups()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(m.dir, "log/manager"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	m.cmd = exec.Command("sh", append([]string{"-ec", `for group; do echo $$ >"$group/cgroup.procs"; done; exec ` + systemd + " --user --log-target=console", "sh"}, groups...)...)
	m.cmd.Env, m.cmd.Stderr = m.environ(), log
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	systemdManager = m
	if !eventually(func() bool { return m.command("is-system-running").Run() == nil }) {
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("systemd does not run:\n%s", text)
	}
	return m, nil
}

// install puts the shipped units where the manager looks for them, with the tests'
// program in them, and has what services say written to files.
func (m *manager) install() error {
	units := filepath.Join(m.dir, "units")
	for _, name := range []string{"basic.target", "default.target", "shutdown.target"} {
		if err := os.WriteFile(filepath.Join(units, name), []byte("[Unit]\n"), 0o644); err != nil {
			return err
		}
	}
	for name, log := range map[string]string{"infisicalfs@.service": "%i", "infisicalfs-docker.service": "%p", "infisicalfs-docker.socket": ""} {
		text, err := os.ReadFile("../../deploy/systemd/" + name)
		if err != nil {
			return err
		}
		ours := strings.ReplaceAll(string(text), "/usr/local/bin/infisicalfs", program)
		if log != "" {
			ours += "\n[Service]\nStandardError=append:" + m.dir + "/log/" + log + "\n"
		}
		if err := os.WriteFile(filepath.Join(units, name), []byte(ours), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// environ is all that the manager knows of where it is. Its services have that, too.
func (m *manager) environ() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, "TMPDIR=" + tmp,
		"XDG_RUNTIME_DIR=" + m.dir + "/run", "XDG_CONFIG_HOME=" + m.dir + "/config", "SYSTEMD_UNIT_PATH=" + m.dir + "/units"}
}

// command returns a command of systemctl.
func (m *manager) command(args ...string) *exec.Cmd {
	cmd := exec.Command("systemctl", append([]string{"--user", "--no-pager"}, args...)...)
	cmd.Env = m.environ()
	return cmd
}

// managerGroups makes a group for the manager in both of systemd's cgroup hierarchies, or
// the one where there is no other, and returns their directories.
func managerGroups() (groups []string, err error) {
	for _, root := range []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(root + "/cgroup.procs"); err != nil {
			continue
		}
		group := filepath.Join(root, "infisicalfs-systemd")
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		groups = append(groups, group)
	}
	return groups, nil
}

// stopManager ends the manager with its services, and removes its cgroups, which would
// outlive the namespaces.
func stopManager() {
	if systemdManager == nil {
		return
	}
	systemdManager.command("stop", "infisicalfs*").Run()
	systemdManager.cmd.Process.Kill()
	systemdManager.cmd.Wait()
	groups, _ := managerGroups()
	for _, group := range groups {
		eventually(func() bool { return removeGroups(group) })
	}
}

// removeGroups removes a cgroup and those below it, the innermost first, and reports
// whether it has gone.
func removeGroups(group string) bool {
	var dirs []string
	filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		os.Remove(dir)
	}
	_, err := os.Stat(group)
	return errors.Is(err, fs.ErrNotExist)
}

// unit is a service of the manager.
type unit struct {
	w    *world
	m    *manager
	name string
	log  string
	dir  string // the mountpoint of infisicalfs@NAME
}

func (w *world) manager() *manager {
	w.t.Helper()
	needEngines(w.t, systemd, "systemctl")
	m, err := managerOnce()
	require.NoError(w.t, err)
	return m
}

// unit installs a mount of demo/dev on a new directory, infisicalfs@NAME, with variables of
// its own beside those that all have. It is stopped when the test ends.
func (w *world) unit(name string, more ...string) *unit {
	w.t.Helper()
	m := w.manager()
	u := &unit{w, m, "infisicalfs@" + name, filepath.Join(m.dir, "log", name), filepath.Join(w.dir, "m")}
	require.NoError(w.t, os.Mkdir(u.dir, 0o755))
	who := w.Credentials("admin")
	variables := append(more,
		"MOUNTPOINT="+u.dir, "INFISICAL_API_URL="+w.url, "INFISICAL_ORGANIZATION_ID="+who.OrganizationID,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+who.ClientID, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+who.ClientSecret,
		"INFISICALFS_PROJECT=demo", "INFISICALFS_ENV=dev", "INFISICALFS_PATH=/", "INFISICALFS_WATCH_INTERVAL=1s",
		"INFISICALFS_ALLOW_OTHER=true", "INFISICALFS_DIR_MODE=0555", "INFISICALFS_MODE=0444", "INFISICALFS_CONTROL=off", raceVariable)
	file := filepath.Join(m.dir, "config/infisicalfs", name+".env")
	require.NoError(w.t, os.WriteFile(file, []byte(strings.Join(variables, "\n")), 0o600))
	w.t.Cleanup(func() {
		u.systemctl("stop")
		if w.t.Failed() {
			w.t.Log(u.said())
		}
	})
	return u
}

// systemctl runs a command of systemctl for the unit and returns what it prints.
func (u *unit) systemctl(command string, flags ...string) string {
	u.w.t.Helper()
	out, err := u.m.command(append([]string{command, u.name}, flags...)...).CombinedOutput()
	require.NoError(u.w.t, err, "systemctl %s: %s%s", command, out, u.said())
	return strings.TrimSpace(string(out))
}

// property is what systemd knows of the unit under a name.
func (u *unit) property(name string) string {
	return u.systemctl("show", "--value", "--property="+name)
}

// said is what the service's processes have said.
func (u *unit) said() string {
	text, _ := os.ReadFile(u.log)
	return string(text)
}

func (u *unit) path(name string) string { return filepath.Join(u.dir, name) }

// kill kills the service's process, as it could happen at any time.
func (u *unit) kill() {
	u.w.t.Helper()
	u.systemctl("kill", "--kill-whom=main", "--signal=KILL")
}

// comesBack waits until the service runs again, after so many kills in all.
func (u *unit) comesBack(kills int) {
	u.w.t.Helper()
	require.True(u.w.t, eventually(func() bool {
		return u.property("NRestarts") == strconv.Itoa(kills) && u.property("ActiveState") == "active"
	}), u.said())
}
