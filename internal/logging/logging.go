// Package logging makes the program's loggers: to a terminal, to a file that logrotate
// may move away, or to the system's log. Whoever logs is answering the kernel, so none
// of them waits for long for whoever reads.
package logging

import (
	"io"
	"log/slog"
	"log/syslog"
	"os"
)

// Foreground writes to the terminal: warnings, or everything.
func Foreground(debug bool) *slog.Logger {
	level := slog.LevelWarn
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(&unhindered{out: os.Stderr}, &slog.HandlerOptions{Level: level}))
}

// Background writes to file or, if none is named, to the system's log. A
// machine without one gets no log. reopen goes on in a new file where the old one
// was moved away. An error is about the file.
func Background(file string, debug bool) (log *slog.Logger, reopen func() error, err error) {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	handler := &slog.HandlerOptions{Level: level}
	if file != "" {
		out, err := openLogFile(file)
		if err != nil {
			return nil, nil, err
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
