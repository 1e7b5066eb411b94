// Command infisicalfs mounts Infisical as a file system.
package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
)

// version is set by the linker (-X main.version=…) for releases.
var version = "0.1.0-dev"

func main() {
	mount.Harden(foregroundLog(false))
	os.Exit(run(os.Args))
}

// run is main without the process: it returns the exit code.
func run(args []string) int {
	if strings.HasPrefix(filepath.Base(args[0]), "mount.") {
		translated, err := helperArguments(args[1:])
		if err != nil {
			return fail(err)
		}
		if translated == nil {
			return exitcode.OK
		}
		args = append(args[:1:1], translated...)
	}
	root := newRoot()
	root.SetArgs(args[1:])
	if err := root.ExecuteContext(context.Background()); err != nil {
		return fail(err)
	}
	return exitcode.OK
}
