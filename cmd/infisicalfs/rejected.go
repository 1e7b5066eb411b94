package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"infisicalfs/internal/mount"
)

func rejectedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rejected COMMAND",
		Short: "Reach texts that could not be sent, and old values",
		Long: `What the server refused, what a killed program wrote, and the last value of what was removed or replaced is kept
in memory until the unmount. This reaches it without the mount's tree, in which it is .infisicalfs/rejected.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(rejectedListCommand(), rejectedGetCommand(), rejectedRemoveCommand())
	return cmd
}

func rejectedListCommand() *cobra.Command {
	var asJSON bool
	var files configOptions
	cmd := &cobra.Command{
		Use:               "list [flags] MOUNTPOINT | NAME",
		Short:             "List them, without their content",
		Args:              oneArgument("mountpoint"),
		ValidArgsFunction: completeMounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			point, err := files.mountpoint(args[0])
			if err != nil {
				return err
			}
			texts, err := mount.Rejected(cmd.Context(), point)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), append([]mount.Text{}, texts...)) // [] and not null
			}
			return printTexts(cmd.OutOrStdout(), texts)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	files.addFile(cmd.Flags())
	return cmd
}

func rejectedGetCommand() *cobra.Command {
	var files configOptions
	cmd := &cobra.Command{
		Use:               "get [flags] MOUNTPOINT | NAME TEXT",
		Short:             "Print one, byte for byte",
		Args:              mountAndTexts(1),
		ValidArgsFunction: completeMounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			point, err := files.mountpoint(args[0])
			if err != nil {
				return err
			}
			text, err := mount.RejectedText(cmd.Context(), point, args[1])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	files.addFile(cmd.Flags())
	return cmd
}

func rejectedRemoveCommand() *cobra.Command {
	var files configOptions
	cmd := &cobra.Command{
		Use:               "rm [flags] MOUNTPOINT | NAME TEXT...",
		Short:             "Remove some for good",
		Args:              mountAndTexts(0),
		ValidArgsFunction: completeMounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			point, err := files.mountpoint(args[0])
			if err != nil {
				return err
			}
			for _, name := range args[1:] {
				if err := mount.RemoveRejected(cmd.Context(), point, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
	files.addFile(cmd.Flags())
	return cmd
}

// mountAndTexts wants a mount and the names of texts: this many, 0 for any.
func mountAndTexts(texts int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < 2 || texts > 0 && len(args) != 1+texts {
			return usageError(cmd, "a mountpoint and the name of a text are wanted, as 'infisicalfs rejected list' shows it")
		}
		return nil
	}
}

// printTexts shows what is known of texts, the eldest first.
func printTexts(out io.Writer, texts []mount.Text) error {
	if len(texts) == 0 {
		_, err := fmt.Fprintln(out, "nothing is kept")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TEXT\tOF\tBYTES\tUSER\tSINCE\tWHY")
	for _, t := range texts {
		why := t.Why
		if t.ApprovalRequest != "" {
			why += " (request " + t.ApprovalRequest + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", oneLine(t.Name), oneLine(t.Path), t.Size, t.UID, t.At.Format(time.RFC3339), oneLine(why))
	}
	return w.Flush()
}
