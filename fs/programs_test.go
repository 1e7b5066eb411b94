package fs

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// run runs a program, which has to succeed and to complain about nothing.
func run(t *testing.T, command string, args ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	require.NoError(t, err, "%s %v: %s", command, args, complaints.String())
	require.Empty(t, complaints.String(), "%s %v", command, args)
	return out.String()
}

func TestPrograms(t *testing.T) {
	var c controls
	w := newWorld(c.config, ttl(time.Minute), func(c *Config) { c.FileMode, c.DirMode = 0o444, 0o555 })
	pem := "-----EXAMPLE-----\n" + strings.Repeat("line of text\n", 100)
	w.Set(payments, "CERT", pem)
	w.Set(payments.Child("a").Child("b"), "DEEP", "deep value")
	w.Put(dev, secret.Secret{Name: "COMMENTED", Value: secret.NewValue("x"), Comment: "a remark", Updated: started})
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	dev := filepath.Join(mnt, "demo/dev")

	t.Run("cat", func(t *testing.T) {
		require.Equal(t, "hello, world", run(t, "cat", dev+"/GREETING"))
		require.Equal(t, pem, run(t, "cat", dev+"/payments/CERT"))
		require.Equal(t, "hello, worldx", run(t, "cat", dev+"/GREETING", dev+"/EMPTY", dev+"/COMMENTED"))
	})
	t.Run("ls", func(t *testing.T) {
		list := run(t, "ls", "-l", "--time-style=full-iso", dev)
		require.Regexp(t, `(?m)^-r--r--r-- 1 \S+ \S+ +12 .* GREETING$`, list)
		require.Regexp(t, `(?m)^dr-xr-xr-x 2 \S+ .* payments$`, list)
		require.Equal(t, ".\n..\nCOMMENTED\nEMPTY\nGREETING\npayments\n", run(t, "ls", "-a", dev))
		run(t, "ls", "-lRZ", mnt)
	})
	t.Run("find", func(t *testing.T) {
		require.Equal(t, strings.Join([]string{
			dev, dev + "/COMMENTED", dev + "/EMPTY", dev + "/GREETING", dev + "/payments", dev + "/payments/API_KEY",
			dev + "/payments/CERT", dev + "/payments/a", dev + "/payments/a/b", dev + "/payments/a/b/DEEP", "",
		}, "\n"), sortLines(run(t, "find", dev)))
		require.Equal(t, dev+"/payments/a/b/DEEP\n", run(t, "find", mnt, "-type", "f", "-name", "DEEP"))
		require.Equal(t, dev+"/EMPTY\n", run(t, "find", dev, "-type", "f", "-empty"))
	})
	t.Run("grep", func(t *testing.T) {
		require.Equal(t, dev+"/payments/a/b/DEEP:deep value\n", run(t, "grep", "-r", "deep", mnt))
	})
	t.Run("cp", func(t *testing.T) {
		to := t.TempDir()
		run(t, "cp", "-a", dev, to)
		const attributes = `%P %y %m %T@\n`
		require.Equal(t, sortLines(run(t, "find", dev, "-printf", attributes)), sortLines(run(t, "find", to+"/dev", "-printf", attributes)))
		run(t, "diff", "-r", dev, to+"/dev")
		run(t, "chmod", "-R", "u+w", to)
	})
	t.Run("tar", func(t *testing.T) {
		archive := tar.NewReader(strings.NewReader(run(t, "tar", "c", "--xattrs", "-C", mnt, "demo")))
		found := map[string]string{}
		for {
			header, err := archive.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			content, err := io.ReadAll(archive)
			require.NoError(t, err)
			found[header.Name] = string(content)
			if header.Name == "demo/dev/COMMENTED" {
				require.Equal(t, "a remark", header.PAXRecords["SCHILY.xattr.user.infisical.comment"])
				require.True(t, header.ModTime.Equal(started))
			}
		}
		require.Equal(t, pem, found["demo/dev/payments/CERT"])
		require.Len(t, found, 11)
	})
	t.Run("sh", func(t *testing.T) {
		require.Equal(t, "hello, world|2 bytes", run(t, "sh", "-c", `cd "$1" && v=$(cat GREETING) && printf '%s|' "$v" && cd payments/.. && test -r GREETING && test ! -e NOPE && printf '2 bytes'`, "sh", dev))
		before := c.refreshed.Load()
		run(t, "sh", "-c", `echo > "$1"`, "sh", mnt+"/.infisicalfs/refresh")
		require.Equal(t, before+1, c.refreshed.Load())
		require.Equal(t, `{"n":0}`, run(t, "cat", mnt+"/.infisicalfs/status"))
		run(t, "touch", mnt+"/.infisicalfs/refresh")
	})
	t.Run("df", func(t *testing.T) { require.Contains(t, run(t, "df", mnt), mnt) })
	t.Run("du", func(t *testing.T) {
		require.Equal(t, fmt.Sprintf("%d", 12+1+len("not-a-real-key")+len(pem)+len("deep value")),
			strings.Fields(run(t, "du", "-sb", "--apparent-size", mnt))[0])
	})
}

func sortLines(text string) string {
	cmd := exec.Command("sort")
	cmd.Env, cmd.Stdin = append(os.Environ(), "LC_ALL=C"), strings.NewReader(text)
	sorted, _ := cmd.Output()
	return string(sorted)
}

// ^C on a program that waits for the server works at once.
func TestInterruptedProgram(t *testing.T) {
	w := newWorld()
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	w.Hang(true)
	before := w.Calls().All()
	cmd := exec.Command("cat", mnt+"/demo/dev/GREETING")
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return w.Calls().All() > before }, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.Error(t, cmd.Wait())
	w.Hang(false)
}

// The kernel checks modes, for everybody but root.
func TestModesAreEnforced(t *testing.T) {
	me := somebody(65534)
	cat := func(t *testing.T, mode, uid uint32) (string, error) {
		w := newWorld(func(c *Config) { c.UID, c.FileMode, c.DirMode = me, mode, 0o555 })
		opts := w.Options()
		opts.AllowOther = os.Geteuid() == 0
		mnt := fusetest.Mounted(t, w.Root(), opts)
		require.NoError(t, os.Chmod(filepath.Dir(mnt), 0o711)) // others have to get there
		cmd := exec.Command("cat", mnt+"/demo/dev/GREETING")
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for name, c := range map[string]struct {
		mode, uid uint32
		allowed   bool
	}{
		"owner": {0o400, me, true}, "unreadable": {0o200, me, false}, "another": {0o400, somebody(4321), me == somebody(4321)},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := cat(t, c.mode, c.uid)
			if c.allowed {
				require.NoError(t, err)
				require.Equal(t, "hello, world", out)
			} else {
				require.Error(t, err)
				require.Contains(t, out, "Permission denied")
			}
		})
	}
}
