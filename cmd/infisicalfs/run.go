package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/options"
	"infisicalfs/internal/run"
)

type runOptions struct {
	mount           mountOptions
	mountpoint      string
	named           string
	envFrom         string
	keepCredentials bool
}

func runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] [--] COMMAND [ARG]...",
		Short: "Run a command with a mount that only it sees",
		Long: `Runs COMMAND with a mount in a mount namespace of its own: other processes do not find it in the file system,
and it is gone when COMMAND has ended. $INFISICALFS_DIR names it. COMMAND starts when the mount answers, in place
of this process: it gets the signals and the terminal itself, and its exit status is this command's.

  infisicalfs run --project my-project --env prod -- sh -c 'exec psql "$(cat $INFISICALFS_DIR/DATABASE_URL)"'
  infisicalfs run --project my-project --env prod --env-from .env -- npm start
  infisicalfs run --mount app -- nginx -g 'daemon off;'

The variables with the token and the client secret are taken out of COMMAND's environment: who has them can read
and write all that the identity can, from anywhere. A command that shall log in itself gets them with
--keep-credentials.

It keeps secrets out of the way and not from somebody who looks for them: processes of the same user can look
into the namespace (/proc/PID/root, nsenter), into COMMAND's memory and environment and, unless root runs it, into
the memory of the process behind the mount. Root can anyway.

It works without being root where the kernel lets users make namespaces, and nsenter is there. Set-uid programs
such as sudo do not work in it then. Exit codes: COMMAND's own; 125 infisicalfs failed, and COMMAND did not start;
126 COMMAND cannot be executed; 127 it was not found.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "no command given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), cmd.Flags(), args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.SetInterspersed(false) // what follows the command is the command's
	o.mount.addFlags(flags)
	o.mount.config.AddFlags(flags)
	flags.StringVar(&o.named, "mount", "", "take the flags that are left open from the mount of the configuration file with this `name`, but for its mountpoint")
	flags.StringVar(&o.mountpoint, "mountpoint", "", "`directory` to mount on; it exists, and keeps its content for everybody else")
	flags.StringVar(&o.envFrom, "env-from", "", "put the values of the folder into the environment too, if this `view` can hold them: .env, .env.sh, .secrets.json …")
	flags.BoolVar(&o.keepCredentials, "keep-credentials", false, "leave token and client secret in the command's environment")
	// Fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("env-from", completeViews)
	_ = cmd.RegisterFlagCompletionFunc("mount", completeMountName)
	return cmd
}

// run is where the processes of a run part; package run tells what each does.
func (o *runOptions) run(ctx context.Context, flags *pflag.FlagSet, args []string) error {
	if keeper := run.Keeping(); keeper != nil {
		daemon.Harden(logging.Foreground(false))
		return o.keep(ctx, keeper)
	}
	given := os.Environ()
	if err := o.settle(flags); err != nil {
		return err
	}
	if me := &o.mount.Access; os.Geteuid() != 0 && (me.UID != uint32(os.Getuid()) || me.GID != uint32(os.Getgid())) {
		return exitcode.Errorf(exitcode.Config, "leave out --uid and --gid, or run it as root", "a user's namespace has no other owners than its user")
	}
	path, err := findCommand(args[0])
	if err != nil {
		return err
	}
	front, err := run.Start()
	if err != nil {
		return err
	}
	o.closeCredentials()
	var credentials []string
	if !o.keepCredentials {
		credentials = append(o.mount.server.Who.SecretVariables(os.LookupEnv), options.HeadersVariable)
	}
	env := environmentWith(given, front.Variables, credentials)
	env = append(env, "INFISICALFS_DIR="+front.Dir)
	return notExecuted(args[0], front.Exec(path, args, env))
}

// settle takes what the configuration file has to say, and hands it on to the
// keeper as variables. The keeper has the same arguments but cannot read the file
// again: to a plain user's namespace the owner of a file of root's is nobody.
func (o *runOptions) settle(flags *pflag.FlagSet) error {
	if err := o.mount.config.settleName(flags, o.named); err != nil {
		return err
	}
	flags.Visit(func(f *pflag.Flag) {
		_ = os.Setenv(options.Variable(f), f.Value.String()) // fails for a NUL, which neither arguments nor the file have
	})
	return nil
}

// closeCredentials closes what the keeper has read a secret from.
func (o *runOptions) closeCredentials() {
	for _, fd := range daemon.Descriptors(o.mount.server.Paths()...) {
		if fd > 2 {
			unix.Close(fd)
		}
	}
}

// findCommand looks for a command as a shell does.
func findCommand(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || errors.Is(err, exec.ErrDot) {
		return path, nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
				return "", notExecuted(name, fs.ErrPermission)
			}
		}
		return "", notExecuted(name, fs.ErrNotExist)
	}
	return "", notExecuted(name, errors.Unwrap(err))
}

// notExecuted is why a command did not start, with the exit code for it unless
// it has one.
func notExecuted(name string, err error) error {
	if own, ok := errors.AsType[*exitcode.Error](err); ok {
		return own
	}
	if errors.Is(err, fs.ErrNotExist) {
		hint := "check the name and PATH"
		if strings.Contains(name, "/") {
			hint = "check the path, and the first line of a script: its interpreter has to exist too"
		}
		return &exitcode.Error{Err: fmt.Errorf("command %s not found", name), Hint: hint, Code: exitcode.NoCommand}
	}
	hint := "chmod +x, if it is a program"
	if errors.Is(err, unix.E2BIG) {
		hint = "the arguments and the environment are too large together; read the secrets from $INFISICALFS_DIR instead of --env-from"
	}
	return &exitcode.Error{Err: fmt.Errorf("command %s cannot be executed: %w", name, exitcode.PathError(err)), Hint: hint, Code: exitcode.NotExecutable}
}

// runCode is the exit code of a run that failed with code: all but two of our
// own become one, because the others are the command's to use.
func runCode(code int) int {
	if code == exitcode.NotExecutable || code == exitcode.NoCommand {
		return code
	}
	return exitcode.NotRun
}
