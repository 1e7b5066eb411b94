package main

import (
	"github.com/spf13/cobra"

	"infisicalfs/internal/mount"
)

func unmountCommand() *cobra.Command {
	var files configOptions
	cmd := &cobra.Command{
		Use:     "unmount [flags] MOUNTPOINT | NAME",
		Aliases: []string{"umount"},
		Short:   "Unmount, also what a killed process left behind",
		Long: `Unmounts MOUNTPOINT, and ends the process behind it. A mount that is in use stays: the error says how to
see who uses it. A stale one, whose process has died, is removed. Mounts of other programs are left alone.

NAME is a mount of the configuration file, and means the mountpoint that it has there.`,
		Args:              oneArgument("mountpoint"),
		ValidArgsFunction: completeMounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			point, err := files.mountpoint(args[0])
			if err != nil {
				return err
			}
			return mount.Unmount(cmd.Context(), point)
		},
	}
	files.addFile(cmd.Flags())
	return cmd
}
