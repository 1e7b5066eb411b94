package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"infisicalfs/internal/mount"
	"infisicalfs/internal/mounttable"
)

func unmountCommand() *cobra.Command {
	var files configOptions
	var discard bool
	cmd := &cobra.Command{
		Use:     "unmount [flags] MOUNTPOINT | NAME",
		Aliases: []string{"umount"},
		Short:   "Unmount, also what a killed process left behind",
		Long: `Unmounts MOUNTPOINT, and ends the process behind it. A mount that is in use stays: the error names the
processes that use it. A stale one, whose process has died, is removed. Mounts of other programs are left alone.
What is also in a container, or bound to another place, goes on there: it is said who has it, and 'infisicalfs
status' lists it.

What is only here is sent first, for at most 20 seconds. While some of it is left the mount stays, and the error
names it: 'infisicalfs rejected' saves it, --discard gives it up.

NAME is a mount of the configuration file, and means the mountpoint that it has there.`,
		Args:              oneArgument("mountpoint"),
		ValidArgsFunction: completeMounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			point, err := files.mountpoint(args[0])
			if err != nil {
				return err
			}
			ended, err := mount.Unmount(cmd.Context(), point, discard)
			if err == nil && ended.Goes {
				note("%s", goesOn(ended.Mountpoint, ended.PID, ended.Holders))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&discard, "discard", false, "unmount also if text is lost that could not be sent")
	files.addFile(cmd.Flags())
	return cmd
}

// goesOn says why a process outlives its mount.
func goesOn(point string, pid int, holders []mounttable.Holder) string {
	who := "somebody that cannot be seen from here"
	if len(holders) > 0 {
		who = mounttable.HeldBy(holders)
	}
	return fmt.Sprintf("%s is unmounted here, and process %d goes on, because it is held by %s; it ends with the last of them, or for all of them with: kill %d", point, pid, who, pid)
}
