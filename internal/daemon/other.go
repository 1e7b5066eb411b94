//go:build !linux

package daemon

import (
	"log/slog"
	"runtime"

	"golang.org/x/sys/unix"
)

func replaceDescriptor(from, to int) error { return unix.Dup2(from, to) }

func closeRestOnExec() {}

// Harden does nothing here and says so; log may be nil.
func Harden(log *slog.Logger) {
	if log == nil {
		return
	}
	log.Warn("core dumps are not switched off on this system", "os", runtime.GOOS)
}

// HideVariables does nothing here.
func HideVariables(func(name, value string) bool) {}
