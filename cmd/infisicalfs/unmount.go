package main

import (
	"github.com/spf13/cobra"

	"infisicalfs/internal/mount"
)

func unmountCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unmount MOUNTPOINT",
		Aliases: []string{"umount"},
		Short:   "Unmount, even if the mount is busy or stale",
		Long: `Unmounts MOUNTPOINT. A busy mount disappears at once and ends when its last user does;
a stale one, whose process has died, is removed. Mounts of other programs are left alone.`,
		Args: oneArgument("mountpoint"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return mount.Unmount(cmd.Context(), args[0])
		},
	}
}
