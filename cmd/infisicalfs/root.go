package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infisicalfs/internal/exitcode"
)

const about = `infisicalfs mounts Infisical: projects, environments and folders are directories,
secrets are files.

  infisicalfs mount ~/secrets        all projects that your credentials reach
  cat ~/secrets/my-app/dev/DB_URL    a secret is a file with its exact bytes
  infisicalfs unmount ~/secrets

Try it without a server of your own: infisicalfs dev ~/secrets`

const environment = `Environment:
  Each flag has a variable: INFISICALFS_ and its name (--max-stale is INFISICALFS_MAX_STALE).
  The variables of Infisical's own tools work too: INFISICAL_DOMAIN, INFISICAL_API_URL, INFISICAL_URL,
  INFISICAL_TOKEN, INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN, INFISICAL_ACCESS_TOKEN,
  INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and _CLIENT_SECRET, INFISICAL_CLIENT_ID and _CLIENT_SECRET,
  INFISICAL_PROJECT_ID, INFISICAL_ENVIRONMENT, INFISICAL_SECRET_PATH, INFISICAL_ORGANIZATION_ID.

Exit codes:
  0 ok                 4 login refused       7 server unreachable
  1 other              5 permission denied   8 mountpoint unusable
  2 usage              6 not found           9 FUSE missing
  3 configuration`

// newRoot builds the command tree. There are no package variables behind it:
// each call is a fresh tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "infisicalfs",
		Short:         "Mount Infisical as a file system",
		Long:          about,
		SilenceUsage:  true,
		SilenceErrors: true, // run has the last word
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
		Args: noArguments,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(cmd, err.Error())
	})
	root.AddCommand(mountCommand(), unmountCommand(), statusCommand(), devCommand(), doctorCommand(), versionCommand())
	root.SetHelpFunc(help)
	return root
}

// help prints a command's page in full. It is a function and not a template
// because a template would link text/template into the binary.
func help(cmd *cobra.Command, _ []string) {
	out := cmd.OutOrStdout()
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s\n", text, cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(out, "\nCommands:")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(out, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	if flags := cmd.Flags(); flags.HasAvailableFlags() {
		fmt.Fprintf(out, "\nFlags:\n%s", flags.FlagUsagesWrapped(110))
	}
	if !cmd.HasParent() {
		fmt.Fprintf(out, "\n%s\n", environment)
	}
}

// failure is an error with its cure and exit code.
type failure struct {
	err  error
	hint string
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }
func (f *failure) ExitCode() int { return f.code }

func usageError(cmd *cobra.Command, text string) error {
	return &failure{errors.New(text), fmt.Sprintf("run '%s --help'", cmd.CommandPath()), exitcode.Usage}
}

func configError(hint, format string, args ...any) error {
	return &failure{fmt.Errorf(format, args...), hint, exitcode.Config}
}

// fail prints what failed on one line and what to do on the next, and returns
// the exit code.
func fail(err error) int {
	fmt.Fprintf(os.Stderr, "infisicalfs: error: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(os.Stderr, "infisicalfs: hint: %s\n", hint)
	}
	return exitcode.Of(err)
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasParent() {
		text := fmt.Sprintf("unknown command %q", args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return &failure{errors.New(text), fmt.Sprintf("did you mean '%s %s'?", cmd.Name(), near[0]), exitcode.Usage}
		}
		return usageError(cmd, text)
	}
	return usageError(cmd, fmt.Sprintf("unexpected argument %q", args[0]))
}

// oneArgument demands exactly one argument and says which.
func oneArgument(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return usageError(cmd, "no "+name+" given")
		default:
			return usageError(cmd, fmt.Sprintf("one %s is enough, got %d", name, len(args)))
		}
	}
}

// bindEnvironment sets each flag that was not given from its variable. An
// unusable value is an error that names the variable.
func bindEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "INFISICALFS_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := lookup(name)
		if !ok || f.Changed || f.Name == "help" || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failed = configError("", "the variable %s does not fit --%s, which takes a %s", name, f.Name, f.Value.Type())
		}
	})
	return failed
}
