package main

import (
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
)

// foregroundLog writes to the terminal: warnings, or everything.
func foregroundLog(debug bool) *slog.Logger {
	level := slog.LevelWarn
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(&unhindered{out: os.Stderr}, &slog.HandlerOptions{Level: level}))
}

// backgroundLog writes to file or, if none is named, to the system's log. A
// machine without one gets no log. reopen goes on in a new file where the old one
// was moved away.
func backgroundLog(file string, debug bool) (log *slog.Logger, reopen func() error, err error) {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	handler := &slog.HandlerOptions{Level: level}
	if file != "" {
		out, err := openLogFile(file)
		if err != nil {
			return nil, nil, exitcode.Errorf(exitcode.Config, "name a file in a directory that exists and that you may write to", "--log-file: cannot write %s: %w", file, options.PathError(err))
		}
		return slog.New(slog.NewTextHandler(&unhindered{out: out}, handler)), out.reopen, nil
	}
	var out io.Writer = io.Discard
	if w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "infisicalfs"); err == nil {
		out = w
		handler.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey { // syslog has its own
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(&unhindered{out: out}, handler)), func() error { return nil }, nil
}

// descriptors returns the numbers among paths of the form /dev/fd/N or
// /proc/self/fd/N: the background process needs them too. One that is not open
// is left out; whoever reads it will say so.
func descriptors(paths ...string) []int {
	var list []int
	for _, p := range paths {
		dir, base := path.Split(p)
		if dir != "/dev/fd/" && dir != "/proc/self/fd/" {
			continue
		}
		if fd, err := strconv.Atoi(base); err == nil && isOpen(fd) {
			list = append(list, fd)
		}
	}
	return list
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}
