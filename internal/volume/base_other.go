//go:build !linux

package volume

import (
	"context"
	"log/slog"
	"runtime"

	"infisicalfs/internal/exitcode"
)

// lockDir fails.
func lockDir(string) (release func(), err error) {
	return nil, exitcode.Errorf(exitcode.FUSE, "use Linux, or a Linux virtual machine or container", "there are no volumes on %s", runtime.GOOS)
}

func prepareBase(dir string, _ *slog.Logger) (string, error) { return dir, nil }

func clearLeftovers(context.Context, string, func(string) bool, *slog.Logger) {}
