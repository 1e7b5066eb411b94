package daemon

import (
	"log/slog"

	"golang.org/x/sys/unix"
)

// Harden keeps the process's memory, which holds values and a token, out of
// core files and away from other processes of the same user: no core dump, no
// ptrace, no /proc/PID/mem. What fails is logged
// and otherwise survived; log may be nil.
//
// Call it in every process that may hold a secret, as early as possible: an
// exec, and so Daemonize, starts afresh. Programs that are started from a
// hardened one, such as fusermount3, are not hampered by it.
func Harden(log *slog.Logger) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	// Not only the limit: a core_pattern that pipes into a program ignores it.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		log.Warn("core dumps cannot be switched off", "error", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		log.Warn("the process cannot be made undumpable", "error", err)
	}
}
