package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestRunIsSeenByTheCommandOnly(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		l := r.begin(t, `cat "$INFISICALFS_DIR/GREETING"; echo; stat -c %a $INFISICALFS_DIR; read line; cat "$INFISICALFS_DIR/DB_HOST"`)
		require.Equal(t, "hello, world", l.line(t))
		require.Equal(t, "700", l.line(t))

		text, err := os.ReadFile("/proc/self/mountinfo")
		require.NoError(t, err)
		require.NotContains(t, string(text), " "+l.dir+" ")
		entries, err := os.ReadDir(l.dir)
		require.NoError(t, err)
		require.Empty(t, entries)
	})
}

func TestRunEndsWithTheCommand(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		pid := strings.TrimSpace(r.output(t, keeperPID))
		ended(t, pid)
		left, err := os.ReadDir(r.room)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

func TestRunExitCodes(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		script := filepath.Join(r.room, "script")
		require.NoError(t, os.WriteFile(script, []byte("exit $1\n"), 0o755))
		text := filepath.Join(r.room, "text")
		require.NoError(t, os.WriteFile(text, nil, 0o644))
		orphan := filepath.Join(r.room, "orphan")
		require.NoError(t, os.WriteFile(orphan, []byte("#!/nowhere\n"), 0o755))
		for _, c := range []struct {
			code int
			args []string
			says string
		}{
			{0, dev("--", "true"), ""},
			{3, dev("sh", "-c", "exit 3"), ""},
			{4, dev("--", script, "4"), ""}, // as execvp has it
			{-int(syscall.SIGTERM), dev("--", "sh", "-c", "kill -TERM $$"), ""},
			{-int(syscall.SIGKILL), dev("--", "sh", "-c", "kill -KILL $$"), ""},
			{125, nil, "no command given"},
			{125, []string{"--nonsense", "--", "echo", "started"}, "unknown flag"},
			{125, []string{"--project", "nobody", "--", "echo", "started"}, "not found"},
			{125, []string{"--token-file", "nowhere", "--", "echo", "started"}, "--token-file: cannot read"},
			{125, dev("--mountpoint", "nowhere", "--", "echo", "started"), "mkdir -p"},
			{125, dev("--env-from", ".nothing", "--", "echo", "started"), "there is no view"},
			{126, dev("--", text), "permission denied"},
			{126, dev("--", "/"), "directory"},
			{127, dev("--", "nothing-of-that-name"), "not found"},
			{127, dev("--", "./nothing"), "not found"},
			{127, dev("--", orphan), "not found"},
		} {
			code, said := outcome(t, r.command(t, c.args...))
			require.Equal(t, c.code, code, "%q: %s", c.args, said)
			require.Contains(t, said, c.says, "%q", c.args)
			require.NotContains(t, said, "started", "%q", c.args)
			if c.says == "" {
				require.Empty(t, said, "%q", c.args)
			}
		}
	})
}

// The command has what it would have had without us: descriptors, working
// directory, user, rights, limits, signals.
func TestRunHandsOnWhatIsGiven(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		mine, err := os.Open(os.DevNull)
		require.NoError(t, err)
		defer mine.Close()
		// The shell reads its status itself: while it starts a program it blocks signals.
		const look = "ls /proc/$$/fd; readlink /proc/$$/fd/3; pwd; id -u; " +
			"while read -r line; do case $line in CapInh*|CapPrm*|CapEff*|CapAmb*|NoNewPrivs*|SigBlk*|SigIgn*) echo \"$line\";; esac; done </proc/$$/status; " +
			"ulimit -a; ulimit -aH; umask"
		shown := func(cmd *exec.Cmd) string {
			cmd.ExtraFiles = []*os.File{mine}
			out, err := cmd.Output()
			require.NoError(t, err)
			return string(out)
		}
		with := r.command(t, dev("--", "sh", "-c", look)...)
		without := exec.Command("sh", "-c", look)
		without.Dir, without.Env, without.SysProcAttr = with.Dir, with.Env, with.SysProcAttr
		require.Equal(t, shown(without), shown(with))
	})
}

func TestRunReadsTokenFromDescriptor(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		read, write, err := os.Pipe()
		require.NoError(t, err)
		defer read.Close()
		_, err = write.WriteString(r.Credentials("admin").ClientSecret)
		require.NoError(t, err)
		require.NoError(t, errors.Join(write.Close(), read.Chown(r.uid, r.uid)))
		cmd := r.command(t, dev("--client-id", r.Credentials("admin").ClientID, "--client-secret-file", "/dev/fd/3", "--", "sh", "-c", "test -e /proc/$$/fd/3 || echo closed; cat $INFISICALFS_DIR/GREETING")...)
		cmd.ExtraFiles = []*os.File{read}
		code, said := outcome(t, cmd)
		require.Zero(t, code, said)
		require.Equal(t, "closed\nhello, world", said)
	})
}

// A configuration file says the same to the command's mount as to any other. To a
// plain user in a namespace of their own, root's file is nobody's.
func TestRunConfiguration(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		who := r.Credentials("admin")
		secret := filepath.Join(r.room, "ci.secret")
		require.NoError(t, os.WriteFile(secret, []byte(who.ClientSecret), 0o600))
		require.NoError(t, os.Chown(secret, r.uid, r.uid))
		file := filepath.Join(r.room, "config.yaml")
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
identities:
  ci: {url: %q, client-id: %q, client-secret-file: ci.secret}
mounts:
  app: {identity: ci, project: demo, env: staging, mode: 0440, read-only: true, include: [GREETING, STRIPE_KEY], mountpoint: nowhere}
`, r.url, who.ClientID), 0o644))
		run := func(args ...string) (int, string) {
			cmd := r.command(t, args...)
			cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "INFISICAL_") })
			return outcome(t, cmd)
		}
		look := []string{"--", "sh", "-c", "cat $INFISICALFS_DIR/GREETING; echo; stat -c %a $INFISICALFS_DIR/GREETING; env | grep ^INFISICALFS_ | sed s/=.*//"}

		code, said := run(append([]string{"--config", file, "--mount", "app"}, look...)...)
		require.Equal(t, "hello, staging\n440\nINFISICALFS_DIR\n", said)
		require.Zero(t, code)
		code, said = run(append([]string{"--config", file, "--mount", "app", "--env", "dev", "--mode", "0400"}, look...)...)
		require.Equal(t, "hello, world\n400\nINFISICALFS_DIR\n", said)
		require.Zero(t, code)
		code, said = run(append([]string{"--config", file, "--identity", "ci", "--project", "demo", "--env", "prod"}, look...)...)
		require.Equal(t, "hello, production\n600\nINFISICALFS_DIR\n", said)
		require.Zero(t, code)
		code, said = run("--config", file, "--mount", "app", "--", "sh", "-c", "ls $INFISICALFS_DIR")
		require.Equal(t, "GREETING\nSTRIPE_KEY\n", said)
		require.Zero(t, code)

		for _, c := range []struct {
			args []string
			says string
		}{
			{[]string{"--mount", "ap"}, `no mount is called "ap"`},
			{[]string{"--mount", "ap"}, "configured are: app"},
			{[]string{"--identity", "me"}, `no identity is called "me"`},
		} {
			code, said := run(slices.Concat([]string{"--config", file}, c.args, []string{"--", "echo", "started"})...)
			require.Equal(t, 125, code, said)
			require.Contains(t, said, c.says)
			require.NotContains(t, said, "started")
		}
	})
}

func TestRunWrites(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		r.output(t, `printf new > $INFISICALFS_DIR/RUN_WRITES; : > $INFISICALFS_DIR/EMPTY; mkdir $INFISICALFS_DIR/sub`)
		require.Equal(t, "new", r.output(t, `cat $INFISICALFS_DIR/RUN_WRITES; test -d $INFISICALFS_DIR/sub`))
	})
}

func TestRunMountpoint(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		dir := filepath.Join(r.room, "secr\xffets")
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.Chown(dir, r.uid, r.uid))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "own"), nil, 0o644))
		code, said := outcome(t, r.command(t, dev("--mountpoint", "secr\xffets", "--", "sh", "-c", "echo $INFISICALFS_DIR; cat secr*/GREETING; ls secr*/own")...))
		require.NotZero(t, code)
		require.Contains(t, said, dir+"\nhello, world")
		require.Contains(t, said, "No such file")
		require.FileExists(t, filepath.Join(dir, "own"))
	})
}

// Each run has its own mount, also on the same directory and inside of another.
func TestRunTogether(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		dir := filepath.Join(r.room, "secrets")
		require.NoError(t, os.Mkdir(dir, 0o777))
		require.NoError(t, os.Chown(dir, r.uid, r.uid))
		var together errgroup.Group
		for range 20 {
			cmd := r.command(t, dev("--mountpoint", dir, "--", "cat", "secrets/GREETING")...)
			together.Go(func() error {
				out, err := cmd.Output()
				if err == nil && string(out) != "hello, world" {
					t.Errorf("read %q", out)
				}
				return err
			})
		}
		require.NoError(t, together.Wait())
	})
}

func TestRunNested(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		const inner = `cat $OUTER/GREETING; ls $INFISICALFS_DIR; test $OUTER != $INFISICALFS_DIR`
		cmd := r.command(t, dev("--keep-credentials", "--", "sh", "-c",
			`OUTER=$INFISICALFS_DIR $PROGRAM run --project demo -- $PROGRAM version && OUTER=$INFISICALFS_DIR exec $PROGRAM run --project demo -- sh -c '`+inner+`'`)...)
		code, said := outcome(t, cmd)
		require.Zero(t, code, said)
		require.Contains(t, said, "hello, worlddev\nprod\nstaging\n")
	})
}

// What the command leaves in the background loses the mount, and keeps neither
// it nor its process.
func TestRunLeavesNoMountToTheBackground(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		l := r.begin(t, `exec 3<&0; perl -e 'chdir $ENV{INFISICALFS_DIR}; open(F, "<GREETING") or die; $| = 1; print "$$\n"; <STDIN>; sysread(F, $x, 100) // print "$!\n"; open(G, "<GREETING") or print "$!\n"' <&3 & exec sleep 100`)
		background := l.line(t)
		require.NoError(t, l.cmd.Process.Kill())
		ended(t, strconv.Itoa(l.cmd.Process.Pid))
		ended(t, l.keeper)
		require.True(t, alive(background))
		l.say(t, "go on")
		require.Equal(t, "Transport endpoint is not connected", l.line(t))
		require.Equal(t, "Transport endpoint is not connected", l.line(t))
		ended(t, background)
	})
}

func TestRunCredentials(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		code, said := outcome(t, r.command(t, dev("--", "env")...))
		require.Zero(t, code)
		require.NotContains(t, said, r.Credentials("admin").ClientSecret)
		require.Contains(t, said, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=")
		require.NotContains(t, said, "_INFISICALFS")
		code, said = outcome(t, r.command(t, dev("--keep-credentials", "--", "env")...))
		require.Zero(t, code)
		require.Contains(t, said, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+r.Credentials("admin").ClientSecret)
	})
}

// Entering the namespace means entering the working directory anew.
func TestRunWorkingDirectory(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		for _, at := range []string{"mkdir -m 700 closed && cd closed", "mkdir gone && cd gone && rmdir ../gone"} {
			cmd := exec.Command("sh", "-c", at+` && exec setpriv --reuid=$WHO --regid=$WHO --clear-groups "$PROGRAM" run --project demo -- echo started`)
			cmd.Dir, cmd.Env = r.room, append(r.command(t).Env, "WHO="+strconv.Itoa(r.uid))
			code, said := outcome(t, cmd)
			if r.uid == 0 {
				require.Equal(t, "started\n", said)
				continue
			}
			require.Equal(t, 125, code, said)
			require.Contains(t, said, "start it in another directory")
			require.NotContains(t, said, "started")
		}
	})
}

// Where users may not make namespaces, they are told what to change.
func TestRunWithoutNamespaces(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		if r.uid == 0 {
			return
		}
		cmd := exec.Command("sh", "-c", `echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$PROGRAM" run -- echo started`)
		cmd.Env = r.command(t).Env
		all := []syscall.SysProcIDMap{{Size: 1 << 16}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: all, GidMappings: all, GidMappingsEnableSetgroups: true}
		code, said := outcome(t, cmd)
		require.Equal(t, 125, code, said)
		require.Contains(t, said, "users may not make namespaces on this machine")
		require.Contains(t, said, "sysctl user.max_user_namespaces=")
		require.NotContains(t, said, "started")

		cmd = exec.Command("sh", "-c", `mount --bind /dev/null "$(command -v nsenter)" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$PROGRAM" run -- echo started`)
		cmd.Env = r.command(t).Env
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		code, said = outcome(t, cmd)
		require.Equal(t, 125, code, said)
		require.Contains(t, said, "nsenter is not installed")
		require.NotContains(t, said, "started")

		code, said = outcome(t, r.command(t, "--uid", "12", "--", "echo", "started"))
		require.Equal(t, 125, code, said)
		require.Contains(t, said, "leave out --uid and --gid")
	})
}
