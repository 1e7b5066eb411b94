package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal runs do with a context that ends when somebody wants this process
// to end: ^C, SIGTERM, or the end of the terminal, unless nohup(1) had that
// ignored. Whatever do was stopped in, its error is errInterrupted then.
func untilSignal(ctx context.Context, do func(ctx context.Context) error) error {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, signals...)
	defer stop()
	err := do(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}

// neverStopped is for a process that serves a mount. Were it stopped by its
// terminal (^Z, or writing a line while it is in the background and "stty tostop"
// is set), everybody who uses the mount would hang where nothing can end him. So
// ^Z does nothing there: whoever wants the terminal back starts it without -f.
func neverStopped() { signal.Ignore(syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU) }
