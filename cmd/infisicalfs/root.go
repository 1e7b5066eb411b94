package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/options"
)

var errMount8 = errors.New("-o is an option of mount(8)")

const about = `infisicalfs mounts Infisical: projects, environments and folders are directories,
secrets are files.

  infisicalfs mount ~/secrets          all projects that your credentials reach
  cat ~/secrets/my-project/dev/DB_URL  a secret is a file with its exact bytes
  infisicalfs unmount ~/secrets

Try it without a server of your own:   infisicalfs dev ~/secrets`

// newRoot builds the command tree. There are no package variables behind it:
// each call is a fresh tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "infisicalfs",
		Short:   "Mount Infisical as a file system",
		Long:    about,
		Version: version,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Name() != "run" { // that becomes another program, and hardens its keeper itself
				daemon.Harden(logging.Foreground(false))
			}
			if err := options.BindEnvironment(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			return requireConfig(cmd.Flags())
		},
		SilenceUsage:               true,
		SilenceErrors:              true, // fail has the last word
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() != "" && unknown.GetSpecifiedName() == "o" {
			return &exitcode.Error{Err: errMount8, Hint: "options are flags here: --read-only for ro; a mount is changed by unmounting it and mounting it again", Code: exitcode.Usage}
		}
		return usageError(cmd, err.Error())
	})
	root.SetHelpFunc(help)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(mountCommand(), runCommand(), unmountCommand(), rejectedCommand(), exportCommand(), statusCommand(), devCommand(), dockerPluginCommand(), doctorCommand(), configCommand(), versionCommand(), completionCommand())
	return root
}
