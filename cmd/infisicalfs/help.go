package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const environment = `Environment:
  Each flag has a variable: INFISICALFS_ and its name (--max-stale is INFISICALFS_MAX_STALE).
  The variables of Infisical's own tools work too:
  INFISICAL_DOMAIN, INFISICAL_API_URL, INFISICAL_URL                                     the server
  INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN, INFISICAL_TOKEN, INFISICAL_ACCESS_TOKEN         a token
  INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and _CLIENT_SECRET, or INFISICAL_CLIENT_ID and …    a machine identity
  INFISICAL_PROJECT_ID, INFISICAL_ENVIRONMENT, INFISICAL_SECRET_PATH                     what to show
  INFISICAL_ORGANIZATION_ID                                                              the organisation

Exit codes:
  0 ok                 4 login refused       7 server unreachable
  1 other              5 permission denied   8 mountpoint unusable
  2 usage              6 not found           9 FUSE missing
  3 configuration`

// help prints a command's page in full. It is a function and not a template
// because a template would link text/template into the binary.
func help(cmd *cobra.Command, _ []string) {
	out := cmd.OutOrStdout()
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s\n", text, usageLine(cmd))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(out, "\nCommands:")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(out, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if flags := cmd.Flags(); flags.HasAvailableFlags() {
		fmt.Fprintln(out, "\nFlags:")
		printFlags(out, flags)
	}
	if !cmd.HasParent() {
		fmt.Fprintf(out, "\n%s\n", environment)
	}
}

func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND"
	}
	return strings.TrimSuffix(cmd.CommandPath(), cmd.Name()) + cmd.Use
}

// printFlags prints a line for each flag: its names, what it takes, what it
// means, and its default if that is not the zero value.
func printFlags(out io.Writer, flags *pflag.FlagSet) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	defer w.Flush()
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		takes, text := pflag.UnquoteUsage(f)
		short := "    "
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		switch f.DefValue {
		case "", "0", "false":
		default:
			text += " (default " + strings.Replace(f.DefValue, "m0s", "m", 1) + ")"
		}
		fmt.Fprintf(w, "  %s%s\t%s\n", short, strings.TrimRight("--"+f.Name+" "+takes, " "), text)
	})
}

// helpCommand is "infisicalfs help mount", for those who look for it.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		Args:  atMostOne("command"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			topic, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, args[0])
			}
			topic.InitDefaultHelpFlag()
			topic.InitDefaultVersionFlag()
			return topic.Help()
		},
	}
}
