package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a service manager does to all processes of a service reaches the command,
// once, and leaves it the mount until its end.
func TestRunSignals(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		l := r.begin(t, `exec perl -e '
			$| = 1;
			for my $s (qw(HUP INT QUIT TERM USR1 USR2 WINCH)) { $SIG{$s} = sub { print "$s\n" } }
			$SIG{ALRM} = sub { exec "cat \$INFISICALFS_DIR/DB_HOST; echo; exit 7" };
			print "ready\n";
			sleep 100 while 1'`)
		require.Equal(t, "ready", l.line(t))
		group := strconv.Itoa(-l.cmd.Process.Pid)
		for name, s := range map[string]syscall.Signal{
			"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
			"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
		} {
			kill(t, l.keeper, s)
			kill(t, group, s)
			require.Equal(t, name, l.line(t))
		}
		kill(t, group, syscall.SIGALRM)
		require.Equal(t, "db.example.invalid", l.line(t))
		require.Error(t, l.cmd.Wait())
		require.Equal(t, 7, l.cmd.ProcessState.ExitCode())
	})
}

// The process that was started is the command.
func TestRunIsTheCommand(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		l := r.begin(t, `echo $$; ps -o ppid= -p $$; exec sleep 100`)
		require.Equal(t, strconv.Itoa(l.cmd.Process.Pid), l.line(t))
		require.Contains(t, l.line(t), strconv.Itoa(os.Getpid()))
		require.NoError(t, l.cmd.Process.Signal(syscall.SIGKILL))
		ended(t, l.keeper)
	})
}

// Where the command has no children to wait for, it has none.
func TestRunGivesNoChildren(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		require.Equal(t, "-1\n", r.output(t, `exec perl -e 'print wait(), "\n"'`))
	})
}

// ^C reaches the command and not the mount; ^Z stops it and fg goes on.
func TestRunInTerminal(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		shell := exec.Command("setpriv", fmt.Sprint("--reuid=", r.uid), fmt.Sprint("--regid=", r.uid), "--clear-groups", "bash", "--norc", "-i")
		shell.Env, shell.Dir = append(r.command(t).Env, "PS1=ready> "), r.room
		operate(t, shell, []keystroke{
			{"ready> ", "$PROGRAM run --project demo --env dev -- sh -c 'trap \"cat \\$INFISICALFS_DIR/GREETING; exit 7\" INT; echo go-$((1+1)); while read line; do echo \"<$line>\"; done'\r"},
			{"go-2", "\x1a"},
			{"Stopped", "fg\r"},
			{"sh -c", "text\r"},
			{"<text>", "\x03"},
			{"hello, world", "echo =$?=\r"},
			{"=7=", "exit 0\r"},
		})
	})
}

// A mount whose process is killed answers so, and the command goes on.
func TestRunOutlivesTheMount(t *testing.T) {
	asBoth(t, func(t *testing.T, r *runner) {
		l := r.begin(t, `read line; cat $INFISICALFS_DIR/GREETING 2>&1; exit 5`)
		if r.uid != 0 {
			look := exec.Command("nsenter", "--target", strconv.Itoa(l.cmd.Process.Pid), "--user", "--mount", "--preserve-credentials",
				"cat", "/proc/"+l.keeper+"/environ")
			look.SysProcAttr = l.cmd.SysProcAttr
			out, err := look.CombinedOutput()
			require.Error(t, err, "the command could look into the process behind the mount")
			require.Contains(t, string(out), "ermission denied")
		}
		kill(t, l.keeper, syscall.SIGKILL)
		ended(t, l.keeper)
		l.say(t, "go on")
		require.Contains(t, l.line(t), "Transport endpoint is not connected")
		require.Error(t, l.cmd.Wait())
		require.Equal(t, 5, l.cmd.ProcessState.ExitCode())
	})
}
