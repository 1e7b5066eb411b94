package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"infisicalfs/internal/options"
)

// completeMountName offers the mounts of the configuration. It reads files only.
func completeMountName(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return mountNames(cmd), cobra.ShellCompDirectiveNoFileComp
}

// completeMountArguments offers mounts for the first argument, and directories.
func completeMountArguments(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		for _, name := range mountNames(cmd) {
			if strings.HasPrefix(name, typed) {
				return mountNames(cmd), cobra.ShellCompDirectiveNoFileComp
			}
		}
	}
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func mountNames(cmd *cobra.Command) []string {
	given := configOptions{silent: true}
	given.file, _ = cmd.Flags().GetString("config")
	given.file = options.FirstOf(os.LookupEnv, given.file, "INFISICALFS_CONFIG") // completion binds no variables
	files, err := given.load(os.LookupEnv)
	if err != nil {
		return nil
	}
	return files.Mounts()
}
