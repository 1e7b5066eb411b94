package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

const unitDirectory = "../../deploy/systemd"

// hiding are directives that give a service a mount namespace of its own, in
// which its mounts are seen by nobody else, or a root of its own.
var hiding = []string{
	"PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateNetwork", "PrivateIPC", "PrivateUsers", "PrivatePIDs",
	"NetworkNamespacePath", "IPCNamespacePath", "ProtectSystem", "ProtectHome", "ProtectKernelTunables", "ProtectKernelModules",
	"ProtectKernelLogs", "ProtectControlGroups", "ProtectProc", "ProcSubset", "DynamicUser", "LogNamespace",
	"ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "BindPaths", "BindReadOnlyPaths",
	"TemporaryFileSystem", "MountImages", "ExtensionImages", "ExtensionDirectories", "MountFlags", "MountAPIVFS",
	"RootDirectory", "RootImage", "StateDirectory", "CacheDirectory", "LogsDirectory", "RuntimeDirectory",
}

// disarming are directives that take the right to mount, or make the set-uid
// fusermount3 an ordinary program, themselves or by what they imply for users.
var disarming = []string{
	"NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter", "SystemCallArchitectures", "SystemCallLog",
	"RestrictNamespaces", "RestrictAddressFamilies", "RestrictSUIDSGID", "RestrictRealtime", "RestrictFileSystems",
	"MemoryDenyWriteExecute", "LockPersonality", "ProtectClock", "ProtectHostname", "DevicePolicy", "SecureBits",
}

// unit returns the directives of a unit file, the values of repeated ones in
// their order.
func unit(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(unitDirectory, name))
	require.NoError(t, err)
	directives := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.ContainsRune("#;[", rune(line[0])) {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		require.True(t, ok, line)
		directives[name] = append(directives[name], value)
	}
	return directives
}

func TestUnitsDoNotHideTheMount(t *testing.T) {
	files, err := os.ReadDir(unitDirectory)
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		for name := range unit(t, file.Name()) {
			require.NotContains(t, hiding, name, file.Name())
			require.NotContains(t, disarming, name, file.Name())
		}
	}
}

var serviceUnits = []string{"infisicalfs@.service", "infisicalfs-named@.service"}

func TestUnitsKeepTheMountAlive(t *testing.T) {
	for _, service := range serviceUnits {
		u := unit(t, service)
		for name, value := range map[string]string{
			"Type": "notify", "NotifyAccess": "main", "Restart": "always", "StartLimitIntervalSec": "0", "LimitCORE": "0",
			// Whoever uses the mount waits for the next process.
			"FileDescriptorStoreMax": "4", "RestartSec": "100ms",
		} {
			require.Equal(t, []string{value}, u[name], name)
		}
		require.Contains(t, u, "WatchdogSec")
		require.Equal(t, []string{"/bin/kill -HUP $MAINPID"}, u["ExecReload"], service)
		// 20 seconds for text that is only here, and what an end takes besides.
		require.Len(t, u["TimeoutStopSec"], 1, service)
		stopTimeout, err := strconv.Atoi(u["TimeoutStopSec"][0])
		require.NoError(t, err, service)
		require.GreaterOrEqual(t, stopTimeout, 40, service)
	}
}

// The two services differ in what says what is mounted, and in nothing else.
func TestUnitsDoTheSame(t *testing.T) {
	one, other := unit(t, serviceUnits[0]), unit(t, serviceUnits[1])
	for _, name := range []string{"ExecStart", "ExecStartPre", "ExecStopPost", "EnvironmentFile", "WorkingDirectory"} {
		delete(one, name)
		delete(other, name)
	}
	require.Equal(t, one, other)
}

func TestUnitsAreWhatSystemdReads(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal(err)
		}
		t.Skip("systemd is not installed")
	}
	dir := t.TempDir()
	var files []string
	for _, name := range append(slices.Clone(serviceUnits), "srv-secrets.mount", "infisicalfs-docker.service", "infisicalfs-docker.socket") {
		text, err := os.ReadFile(filepath.Join(unitDirectory, name))
		require.NoError(t, err)
		here := strings.ReplaceAll(string(text), "/usr/local/bin/infisicalfs", program) // it has to exist
		file := filepath.Join(dir, strings.Replace(name, "@", "@shop", 1))
		require.NoError(t, os.WriteFile(file, []byte(here), 0o600))
		files = append(files, file)
	}
	for _, args := range [][]string{files, {"--user", files[0], files[1]}} {
		cmd := exec.Command(analyze, append([]string{"verify", "--man=no"}, args...)...)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Empty(t, string(out), args)
	}
}

// Volumes are there before containers are, and the socket before either: it is where the
// command would make it itself.
func TestUnitsForContainers(t *testing.T) {
	service, socket := unit(t, "infisicalfs-docker.service"), unit(t, "infisicalfs-docker.socket")
	for name, value := range map[string]string{
		"Type": "notify", "NotifyAccess": "main", "Restart": "always", "StartLimitIntervalSec": "0", "LimitCORE": "0",
		"Requires": "infisicalfs-docker.socket", "ExecStart": "/usr/local/bin/infisicalfs docker-plugin",
	} {
		require.Equal(t, []string{value}, service[name], name)
	}
	for _, u := range []map[string][]string{service, socket} {
		require.Contains(t, strings.Fields(u["Before"][0]), "docker.service")
	}
	require.Equal(t, []string{"0600"}, socket["SocketMode"])
	out, err := exec.Command(program, "docker-plugin", "--help").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "(default "+socket["ListenStream"][0]+")")
}

// The line that systemd would run, told what systemd would tell it.
func TestUnitServes(t *testing.T) {
	w := newWorld(t, devserver.Config{})
	dir := filepath.Join(w.tmp, "secrets")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.Equal(t, []string{"/usr/local/bin/infisicalfs mount --foreground ${MOUNTPOINT}"}, unit(t, serviceUnits[0])["ExecStart"],
		"what follows is this line")
	w.serves(t, dir, dir, "INFISICALFS_PROJECT=demo", "INFISICALFS_ENV=dev")
}

func TestNamedUnitServes(t *testing.T) {
	w := newWorld(t, devserver.Config{})
	dir := filepath.Join(w.tmp, "some secrets")
	require.NoError(t, os.Mkdir(dir, 0o755))
	file := filepath.Join(w.tmp, "infisicalfs", "config.yaml")
	require.NoError(t, os.Mkdir(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "mounts:\n  my-app.1: {project: demo, env: dev, mountpoint: %q}\n", dir), 0o644))
	u := unit(t, serviceUnits[1])
	require.Equal(t, []string{"/usr/local/bin/infisicalfs mount --foreground %i"}, u["ExecStart"], "what follows is this line")
	w.serves(t, "my-app.1", dir, "XDG_CONFIG_HOME="+w.tmp)

	// What did not end in time is ended by force: umount, which is not to be
	// tried here, is told the right directory.
	command, ok := strings.CutPrefix(strings.Join(u["ExecStopPost"], ""), "-/bin/sh -c '")
	require.True(t, ok)
	command = strings.NewReplacer("%i", "my-app.1", "$$", "$", "/usr/local/bin/infisicalfs", program).Replace(strings.TrimSuffix(command, "'"))
	for result, want := range map[string]string{"watchdog": "-f\n" + dir + "\n", "timeout": "-f\n" + dir + "\n", "success": "", "signal": "", "exit-code": ""} {
		cmd := exec.Command("sh", "-c", `umount() { printf '%s\n' "$@"; }; sleep() { :; }; `+command)
		cmd.Env = append(w.environ("admin"), "XDG_CONFIG_HOME="+w.tmp, "SERVICE_RESULT="+result)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, want, string(out), result)
	}
}

// serves runs "infisicalfs mount --foreground" with one argument as a service
// that has to come, live and end as systemd is told, with demo/dev on dir.
func (w *world) serves(t *testing.T, argument, dir string, environment ...string) {
	needFUSE(t)
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(w.tmp, "notify"), Net: "unixgram"})
	require.NoError(t, err)
	defer socket.Close()
	told := func(limit time.Duration) string {
		socket.SetReadDeadline(time.Now().Add(limit))
		text := make([]byte, 4096)
		for {
			n, _ := socket.Read(text)
			// What the next process needs is left with the manager in passing.
			if said := string(text[:n]); !strings.HasPrefix(said, "FDSTORE") {
				return said
			}
		}
	}
	l := w.begin(t, argument, append(environment, "NOTIFY_SOCKET="+socket.LocalAddr().String(), "WATCHDOG_USEC=1000000"))
	defer l.kill(t, dir)
	require.Equal(t, "READY=1\nSTATUS=/demo/dev on "+dir, told(20*time.Second))
	_, err = os.ReadFile(filepath.Join(dir, "GREETING"))
	require.NoError(t, err)

	// A server that is away is not a mount that is away.
	remove := w.Inject(devserver.Fault{Hang: true})
	for range 3 {
		require.Equal(t, "WATCHDOG=1\nSTATUS=/demo/dev on "+dir, told(20*time.Second))
	}
	remove()

	require.NoError(t, l.cmd.Process.Signal(unix.SIGTERM))
	var said []string
	for text := told(20 * time.Second); text != ""; text = told(time.Second) {
		said = append(said, text)
	}
	require.True(t, slices.Contains(said, "STOPPING=1"), "%q", said)
	l.gone(t, dir)
	require.Zero(t, depth(dir))
}
