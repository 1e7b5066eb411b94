package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/options"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "infisicalfs %s (%s, %s/%s%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, commit())
		},
	}
}

// commit is what the toolchain knows of the source's revision.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return ", " + s.Value[:12]
		}
	}
	return ""
}

// clientConfig is what the options say of the server, for this program.
func clientConfig(server *options.Server, log *slog.Logger) (client.Config, error) {
	cfg, err := server.ClientConfig(os.LookupEnv, log)
	cfg.UserAgent = "infisicalfs/" + version
	return cfg, err
}
