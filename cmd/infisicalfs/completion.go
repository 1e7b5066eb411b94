package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"infisicalfs/internal/mounttable"
)

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes commands and flags in a shell",
		Long: `Prints a script for bash, zsh, fish or powershell. To have it now and in every new shell:

  bash         source <(infisicalfs completion bash)                 in ~/.bashrc
  zsh          source <(infisicalfs completion zsh)                  in ~/.zshrc, after compinit
  fish         infisicalfs completion fish | source                  in ~/.config/fish/config.fish
  powershell   infisicalfs completion powershell | Out-String | Invoke-Expression`,
		Args:      oneArgument("shell"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return usageError(cmd, fmt.Sprintf("no completion for %q: use bash, zsh, fish or powershell", args[0]))
		},
	}
}

// completeMounts offers the mounts on this machine and those of the
// configuration. It asks the kernel only.
func completeMounts(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	mounts, err := mounttable.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	points := mountNames(cmd)
	for _, m := range mounts {
		points = append(points, m.Mountpoint)
	}
	return points, cobra.ShellCompDirectiveDefault // a relative path is completed as a file
}

// completeDirectory offers directories for the one argument.
func completeDirectory(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}
