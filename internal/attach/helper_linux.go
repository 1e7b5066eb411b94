package attach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// FuseConf is read by fusermount3.
const FuseConf = "/etc/fuse.conf"

// othersAllowed reports whether the administrator lets users share a mount.
// fusermount3 wants the word alone on a line.
func othersAllowed(conf string) bool {
	text, err := os.ReadFile(conf)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(line) == "user_allow_other" {
			return true
		}
	}
	return false
}

// mountThroughHelper is for users. fusermount3 is set-uid root: it opens
// /dev/fuse, mounts, and hands the descriptor back over the socket that
// _FUSE_COMMFD names.
func mountThroughHelper(ctx context.Context, point, source string, allowOther bool) (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socketpair: %w", err)
	}
	near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
	defer near.Close()
	defer far.Close()

	// Stopped half-way it would leave a mount that nobody serves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*blocking.LookTimeout)
	defer cancel()
	options := append(kernelOptions(allowOther), "nosuid", "nodev", "noexec", "fsname="+strings.ReplaceAll(source, ",", "_"), "subtype="+mounttable.Subtype)
	if err := runHelper(ctx, far, "-o", strings.Join(options, ","), "--", point); err != nil {
		if _, known := errors.AsType[*exitcode.Error](err); known {
			return -1, err
		}
		if err := confined(err, point); err != nil {
			return -1, err
		}
		return -1, exitcode.Errorf(exitcode.FUSE, "fusermount3 must be set-uid root, and this user needs a name in /etc/passwd; in a container, mount as root", "%w", err)
	}
	far.Close() // so that a helper that sent nothing reads as the end, not as a wait
	return receiveDescriptor(int(near.Fd()))
}

// runHelper runs fusermount3. When that fails the error is its own words; that
// there is no fusermount3 is an *exitcode.Error.
func runHelper(ctx context.Context, comm *os.File, args ...string) error {
	name, err := FindHelper()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if comm != nil {
		cmd.ExtraFiles = []*os.File{comm} // becomes descriptor 3
		cmd.Env = append(cmd.Env, "_FUSE_COMMFD=3")
	}
	output, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	words := strings.Join(strings.Fields(string(bytes.ToValidUTF8(output, []byte("?")))), " ")
	if words == "" {
		words = name + ": " + err.Error()
	}
	return errors.New(words)
}

// FindHelper looks where Debian and others put it as well, for a PATH that is
// empty or strange, as under some service managers.
func FindHelper() (string, error) {
	for _, name := range []string{"fusermount3", "/usr/bin/fusermount3", "/bin/fusermount3", "fusermount"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", exitcode.Errorf(exitcode.FUSE, "apt install fuse3 (or your system's package of that name)", "fusermount3 is not installed")
}

// receiveDescriptor takes what the helper sent before it ended.
func receiveDescriptor(socket int) (int, error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if err != nil {
		return -1, exitcode.Errorf(exitcode.FUSE, "", "fusermount3 sent no descriptor: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1, exitcode.Errorf(exitcode.FUSE, "", "fusermount3 sent no descriptor")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, exitcode.Errorf(exitcode.FUSE, "", "fusermount3 sent no descriptor")
	}
	return fds[0], nil
}
