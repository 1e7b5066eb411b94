//go:build linux

package volume

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"infisicalfs/cache"
	"infisicalfs/client"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
)

// A test that needs another process runs this binary again, as a service that does what
// it reads.
const roleVariable = "VOLUME_TEST_SERVICE"

func TestMain(m *testing.M) {
	if mount.OnlyWatches() {
		os.Exit(0)
	}
	if os.Getenv(roleVariable) != "" {
		if err := beService(); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// world is a server and the directories of a service.
type world struct {
	*testing.T
	*devserver.Server
	url         string
	base, state string
	change      func(*Config)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	f, err := os.OpenFile(attach.Device, os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	if err != nil || os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatalf("REQUIRE_FUSE is set, but this is not root with %s: %v", attach.Device, err)
		}
		t.Skipf("needs root and %s", attach.Device)
	}
	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	w := &world{T: t, Server: server, url: front.URL, base: dir + "/base", state: dir + "/state"}
	t.Cleanup(w.unmountAll)
	return w
}

// unmountAll leaves nothing mounted, whatever has happened.
func (w *world) unmountAll() {
	for range 100 {
		table, err := mounttable.Read()
		require.NoError(w, err)
		last := ""
		for _, m := range table {
			if m.Mountpoint == w.base || strings.HasPrefix(m.Mountpoint, w.base+"/") {
				last = m.Mountpoint
			}
		}
		if last == "" {
			return
		}
		require.NoError(w, unix.Unmount(last, unix.MNT_DETACH))
	}
}

// login is how a service with these credentials logs in: as admin, or as an identity that
// is called as on the server.
func (w *world) login(name string) (Login, error) {
	if name == "" {
		name = "admin"
	}
	who := w.Credentials(name)
	if who.ClientID == "" {
		return Login{}, errors.New("there is no such identity")
	}
	cfg := client.Config{URL: w.url, Organization: who.OrganizationID, Auth: client.UniversalAuth(who.ClientID, secret.NewValue(who.ClientSecret))}
	return Login{cfg, who.ClientID}, nil
}

func (w *world) config() Config {
	cfg := Config{BaseDir: w.base, StateDir: w.state, Login: w.login, Version: "test", Cache: cache.Config{TTL: time.Minute, WatchInterval: time.Second}}
	if testing.Verbose() {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if w.change != nil {
		w.change(&cfg)
	}
	return cfg
}

// open is a Manager that ends with the test.
func (w *world) open() *Manager {
	w.Helper()
	m, err := Open(w.Context(), w.config())
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, m.Close()) })
	return m
}

// dev are words for what most tests show.
func dev(more ...string) map[string]string {
	words := map[string]string{"project": "demo", "env": "dev"}
	for _, word := range more {
		key, value, _ := strings.Cut(word, "=")
		words[key] = value
	}
	return words
}

// mounted creates a volume and mounts it for one id.
func (w *world) mounted(m *Manager, name string, words map[string]string) (point string) {
	w.Helper()
	require.NoError(w, m.Create(name, words))
	point, err := m.Mount(w.Context(), name, "id")
	require.NoError(w, err)
	return point
}

// reads wants a file to have a text.
func (w *world) reads(path, text string) {
	w.Helper()
	got, err := os.ReadFile(path)
	require.NoError(w, err)
	require.Equal(w, text, string(got))
}

// live are the mounts of ours below the base directory, by name.
func (w *world) live() (names []string) {
	list, err := mounttable.List()
	require.NoError(w, err)
	for _, m := range list {
		if name, ok := strings.CutPrefix(m.Mountpoint, w.base+"/"); ok {
			names = append(names, name)
		}
	}
	return names
}

// service is a Manager in a process of its own.
type service struct {
	cmd *exec.Cmd
	in  interface{ Write([]byte) (int, error) }
	out *bufio.Scanner
}

// start begins a process that serves the volumes of w, and returns when it is ready.
func (w *world) start(environment ...string) *service {
	w.Helper()
	return w.startBy(func(cmd *exec.Cmd) { require.NoError(w, cmd.Start()) }, environment...)
}

// startBy has the process started by somebody.
func (w *world) startBy(start func(*exec.Cmd), environment ...string) *service {
	w.Helper()
	who := w.Credentials("admin")
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), roleVariable+"=1", "GORACE=atexit_sleep_ms=0",
		"BASE="+w.base, "STATE="+w.state, "URL="+w.url, "ID="+who.ClientID, "SECRET="+who.ClientSecret, "ORG="+who.OrganizationID, "IDENTITY="+who.ClientID)
	cmd.Env = append(cmd.Env, environment...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(w, err)
	out, err := cmd.StdoutPipe()
	require.NoError(w, err)
	start(cmd)
	s := &service{cmd, in, bufio.NewScanner(out)}
	w.Cleanup(s.kill)
	require.Equal(w, "ready", s.answer())
	return s
}

func (s *service) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// ask sends a line and does not wait for the answer.
func (s *service) ask(line string) { fmt.Fprintln(s.in, line) }

func (s *service) answer() string {
	s.out.Scan()
	return s.out.Text()
}

// beService does what its standard input says, a call a line. Under a service manager it goes
// on with what was left, and ends when it is told to.
func beService() error {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	left, _ := mount.ReceiveLegacies(mount.ServiceManager{}, log)
	m, err := Open(ctx, Config{
		BaseDir: os.Getenv("BASE"), StateDir: os.Getenv("STATE"), Cache: cache.Config{WatchInterval: time.Second},
		Legacies: left, Log: log,
		Login: func(string) (Login, error) {
			cfg := client.Config{URL: os.Getenv("URL"), Organization: os.Getenv("ORG"),
				Auth: client.UniversalAuth(os.Getenv("ID"), secret.NewValue(os.Getenv("SECRET")))}
			return Login{cfg, os.Getenv("IDENTITY")}, nil
		},
	})
	if err != nil {
		return err
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGTERM)
	m.Supervise()
	fmt.Println("ready")
	go func() {
		defer close(told)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			call, err := strings.Fields(lines.Text()), error(nil)
			switch call[0] {
			case "create":
				err = m.Create(call[1], dev(call[2:]...))
			case "remove":
				err = m.Remove(call[1])
			case "mount":
				_, err = m.Mount(ctx, call[1], call[2])
			case "unmount":
				err = m.Unmount(ctx, call[1], call[2])
			case "become": // somebody, by id and secret
				err = errors.Join(os.Setenv("ID", call[1]), os.Setenv("SECRET", call[2]), os.Setenv("IDENTITY", call[1]), m.Reload(ctx))
			}
			fmt.Println("done", err)
		}
	}()
	<-told
	return m.Close()
}
