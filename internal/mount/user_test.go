//go:build linux

package mount

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// A user's mounts go through fusermount3, and depend on things that belong to
// the machine: the mode of /dev/fuse, /etc/fuse.conf, whether fusermount3 is
// there. Each case gets them as it needs them in a mount namespace of its own,
// so that the machine stays as it is.
//
// Three processes: the test; root in the namespace ("private"), which builds the
// room; the user in it ("user"), who runs the case and fails with words.
const testUser = 65534 // nobody: fusermount3 wants a user with a name

var userCases = map[string]struct {
	room room
	run  func(dir string) error
}{
	"mounts, reads, unmounts": {room{}, userMounts},
	"busy":                    {room{}, userCloses},
	"stale":                   {room{}, userHeals},
	"hardened":                {room{}, func(dir string) error { daemon.Harden(nil); return userMounts(dir) }},
	"gone on with":            {room{}, userIsReplaced},
	"others allowed":          {room{conf: "user_allow_other\n"}, userAllows},
	"others not allowed": {room{conf: "#user_allow_other\n"}, func(dir string) error {
		cfg := config(dir, sample())
		cfg.AllowOther = true
		return userFails(cfg, exitcode.FUSE)
	}},
	"no fusermount3": {room{noHelper: true}, func(dir string) error { return userFails(config(dir, sample()), exitcode.FUSE) }},
	"confined":       {room{helper: "#!/bin/sh\necho 'fusermount3: mount failed: Permission denied' >&2\nexit 1\n", confined: true}, userIsConfined},
	"refused, and not confined": {room{helper: "#!/bin/sh\necho 'fusermount3: mount failed: Permission denied' >&2\nexit 1\n"}, func(dir string) error {
		if attach.HelperConfined() {
			return nil // on a machine that has it itself
		}
		_, err := New(context.Background(), config(dir, sample()))
		if exitcode.Of(err) != exitcode.FUSE || strings.Contains(err.Error(), "AppArmor") {
			return fmt.Errorf("without a profile: %v", err)
		}
		return nil
	}},
	"device closed": {room{deviceMode: 0o600}, func(dir string) error { return userFails(config(dir, sample()), exitcode.FUSE) }},
	"a mount of root's": {room{rootMount: true}, func(dir string) error {
		if _, err := Unmount(context.Background(), dir, false); exitcode.Of(err) != exitcode.Denied {
			return fmt.Errorf("wanted a refusal: %v", err)
		}
		return nil
	}},
	"a directory of root's": {room{}, func(string) error {
		return userFails(config("/etc", sample()), exitcode.Mountpoint)
	}},
}

func TestAsUser(t *testing.T) {
	needFUSE(t)
	if _, err := attach.FindHelper(); err != nil {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for name := range userCases {
		t.Run(name, func(t *testing.T) {
			cmd := again("private", "CASE="+name, "ROOM="+directory(t))
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // and private: Go sees to it
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// room is how a machine is set up for a case.
type room struct {
	conf       string      // content of /etc/fuse.conf
	noHelper   bool        // fusermount3 is not installed
	helper     string      // what is in its place, a script
	confined   bool        // there is an AppArmor profile for it
	deviceMode os.FileMode // of /dev/fuse; 0 means 0666
	rootMount  bool        // root has mounted on the mountpoint; nobody answers there
}

func enterPrivateRoom() error {
	// Copies of other tests' mounts would keep those alive.
	mounts, err := mounttable.List()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		unix.Unmount(m.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	dir := os.Getenv("ROOM")
	if err := userCases[os.Getenv("CASE")].room.build(dir); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(dir, "test"), "-test.run=^$")
	cmd.Env = append(os.Environ(), roleVariable+"=user", "HOME="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: testUser, Gid: testUser}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// build lays everything out on a tmpfs over dir, which goes with the namespace.
func (r room) build(dir string) error {
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	mode := r.deviceMode
	if mode == 0 {
		mode = 0o666
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	steps := []error{unix.Mount("none", dir, "tmpfs", 0, "mode=755")}
	if r.confined {
		more := path("etc")
		steps = append(steps,
			os.MkdirAll(filepath.Join(more, filepath.Base(filepath.Dir(attach.Confinement))), 0o755),
			os.WriteFile(filepath.Join(path(""), attach.Confinement), nil, 0o644),
			unix.Mount("none", "/etc", "overlay", unix.MS_RDONLY, "lowerdir="+more+":/etc"))
	}
	steps = append(steps,
		os.WriteFile(path("test"), binary, 0o755),
		os.WriteFile(path("fuse.conf"), []byte(r.conf), 0o644),
		unix.Mknod(path("fuse"), unix.S_IFCHR|0o600, int(unix.Mkdev(10, 229))),
		os.Chmod(path("fuse"), mode),
		unix.Mount(path("fuse"), attach.Device, "", unix.MS_BIND, ""),
		unix.Mount(path("fuse.conf"), attach.FuseConf, "", unix.MS_BIND, ""),
		os.Mkdir(path("mnt"), 0o700),
		os.Chown(path("mnt"), testUser, testUser),
		os.WriteFile(path("helper"), []byte(r.helper), 0o755),
	)
	if found, err := attach.FindHelper(); r.helper != "" && err == nil {
		steps = append(steps, unix.Mount(path("helper"), found, "", unix.MS_BIND, ""))
	}
	for found, err := attach.FindHelper(); r.noHelper && err == nil; found, err = attach.FindHelper() {
		steps = append(steps, unix.Mount(os.DevNull, found, "", unix.MS_BIND, ""))
	}
	if r.rootMount { // the descriptor stays open as long as root waits for the user
		_, err := attach.Mount(context.Background(), path("mnt"), mounttable.SourceName, true, PropagateRO)
		steps = append(steps, err)
	}
	return errors.Join(steps...)
}

func beUser() error {
	if os.Geteuid() != testUser {
		return errors.New("the credentials were not taken")
	}
	return userCases[os.Getenv("CASE")].run(filepath.Join(os.Getenv("ROOM"), "mnt"))
}

// userIsReplaced serves a mount, and cannot be traced: another process of the same user goes
// on with it all the same.
func userIsReplaced(dir string) error {
	daemon.Harden(nil)
	m, err := New(context.Background(), readOnly(dir, sample()))
	if err != nil {
		return err
	}
	cmd := again("next", "POINT="+dir, "VALUE=second", manyProcessors)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill() // where it does not serve
	text := make([]byte, 4096)
	n, err := out.Read(text)
	if said := string(text[:n]); said != "mounted" {
		return fmt.Errorf("the next process said %q: %v", said, err)
	}
	if err := m.Wait(); err != nil {
		return fmt.Errorf("the one before: %w", err)
	}
	if got, err := exec.Command("cat", filepath.Join(dir, "CHANGED")).CombinedOutput(); string(got) != "second" {
		return fmt.Errorf("read %q: %v", got, err)
	}
	_, err = Unmount(context.Background(), dir, false)
	return err
}

func userMounts(dir string) error {
	if how, err := attach.Examine(); err != nil || !strings.Contains(how, "fusermount") {
		return fmt.Errorf("examined: %s: %v", how, err)
	}
	m, err := New(context.Background(), config(dir, sample()))
	if err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(dir, "GREETING"))
	if err != nil || string(got) != "hello, world" {
		return fmt.Errorf("read %q: %v", got, err)
	}
	mounts, err := mounttable.List()
	if err != nil || !slices.Contains(mounts, mounttable.Info{Mountpoint: dir, UID: testUser}) {
		return fmt.Errorf("listed %+v: %v", mounts, err)
	}
	if _, err := ReadStatus(dir); err != nil {
		return err
	}
	if out, _ := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput(); bytes.Contains(out, []byte(attach.Device)) {
		return fmt.Errorf("a child has the device: %s", out)
	}
	if _, err := Unmount(context.Background(), dir, false); err != nil {
		return err
	}
	if err := m.Wait(); err != nil {
		return err
	}
	return userFree(dir)
}

// userIsConfined is refused by what only looks like a matter of the directory's
// permissions, and is told what it is.
func userIsConfined(dir string) error {
	how, err := attach.Examine()
	if err != nil || !strings.Contains(how, "AppArmor lets it mount only below $HOME") {
		return fmt.Errorf("examined: %s: %v", how, err)
	}
	_, err = New(context.Background(), config(dir, sample()))
	known, _ := errors.AsType[*exitcode.Error](err)
	if known == nil || known.Code != exitcode.FUSE {
		return fmt.Errorf("no *exitcode.Error: %v", err)
	}
	for text, words := range map[string][]string{
		known.Error(): {"mount failed: Permission denied", "AppArmor lets fusermount3 mount only below $HOME, /mnt", dir},
		known.Hint:    {"/etc/apparmor.d/local/fusermount3", "-> " + dir + "/,", "umount " + dir + "/,", "apparmor_parser -r /etc/apparmor.d/fusermount3"},
	} {
		for _, word := range words {
			if !strings.Contains(text, word) {
				return fmt.Errorf("%q is not in %q", word, text)
			}
		}
	}
	return nil
}

func userCloses(dir string) error {
	m, err := New(context.Background(), config(dir, sample()))
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, "GREETING"))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := Unmount(context.Background(), dir, false); exitcode.Of(err) != exitcode.Mountpoint {
		return fmt.Errorf("a busy mount was unmounted: %v", err)
	}
	if err := m.Close(); err != nil {
		return err
	}
	return userFree(dir)
}

func userHeals(dir string) error {
	dead := again("serve", "POINT="+dir)
	out, err := dead.StdoutPipe()
	if err != nil {
		return err
	}
	if err := dead.Start(); err != nil {
		return err
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		return err
	}
	dead.Process.Kill()
	dead.Wait()
	if err := attach.Probe(context.Background(), dir); !errors.Is(err, syscall.ENOTCONN) {
		return fmt.Errorf("not stale: %v", err)
	}
	return userMounts(dir)
}

func userAllows(dir string) error {
	cfg := config(dir, sample())
	cfg.AllowOther = true
	m, err := New(context.Background(), cfg)
	if err != nil {
		return err
	}
	mounts, err := mounttable.List()
	if err != nil || !slices.Contains(mounts, mounttable.Info{Mountpoint: dir, UID: testUser, AllowOther: true}) {
		return fmt.Errorf("listed %+v: %v", mounts, err)
	}
	return m.Close()
}

// userFails expects a refusal with a code and a cure.
func userFails(cfg Config, code int) error {
	if _, err := attach.Examine(); code == exitcode.FUSE && !cfg.AllowOther && exitcode.Of(err) != code {
		return fmt.Errorf("examined: %v", err)
	}
	_, err := New(context.Background(), cfg)
	known, _ := errors.AsType[*exitcode.Error](err)
	if known == nil || known.Code != code || known.Hint == "" {
		return fmt.Errorf("wanted an *exitcode.Error with code %d and a hint, got %+v", code, err)
	}
	return nil
}

func userFree(dir string) error {
	mounts, err := mounttable.Read()
	if err == nil && mounttable.Ours(mounts.At(dir)) {
		err = errors.New("still mounted")
	}
	return err
}
