package main

import (
	"github.com/spf13/cobra"

	"infisicalfs/internal/mount"
)

func unmountCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unmount MOUNTPOINT",
		Aliases: []string{"umount"},
		Short:   "Unmount, also what a killed process left behind",
		Long: `Unmounts MOUNTPOINT, and ends the process behind it. A mount that is in use stays: the error says how to
see who uses it. A stale one, whose process has died, is removed. Mounts of other programs are left alone.`,
		Args:              oneArgument("mountpoint"),
		ValidArgsFunction: completeMounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return mount.Unmount(cmd.Context(), args[0])
		},
	}
}
