package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// hangups is what SIGHUP means to a process that serves a mount. Before it serves,
// and in a terminal, it is the end of the terminal, and of the process. A process
// without a terminal, in the background or under a service manager, gets it from an
// administrator or logrotate: to read everything again. What was ignored from the
// beginning (nohup) stays ignored.
type hangups struct {
	meaning  atomic.Value  // a string, one of those below
	reload   chan struct{} // one is due
	terminal bool          // there was one at the start: later it may have gone, and the hangup be on its way
}

// What the status says of it.
const (
	hangupEnds    = "end"
	hangupReloads = "reload"
	hangupIgnored = "ignored"
)

// untilEnd is untilSignal for a process that is going to serve a mount.
func untilEnd(ctx context.Context, do func(ctx context.Context, h *hangups) error) error {
	h := &hangups{reload: make(chan struct{}, 1), terminal: hasTerminal()}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if signal.Ignored(syscall.SIGHUP) {
		h.meaning.Store(hangupIgnored)
	} else {
		h.meaning.Store(hangupEnds)
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGHUP)
		over := make(chan struct{})
		go h.listen(signals, over, cancel)
		defer close(over)
		defer signal.Stop(signals)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := do(ctx, h)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}

// listen takes signals until over is closed.
func (h *hangups) listen(signals <-chan os.Signal, over <-chan struct{}, end func()) {
	for {
		select {
		case <-over:
			return
		case <-signals:
		}
		if h.status() == hangupEnds {
			end()
			continue
		}
		select {
		case h.reload <- struct{}{}:
		default: // one is due already
		}
	}
}

// status is what SIGHUP means now.
func (h *hangups) status() string { return h.meaning.Load().(string) }

// serving is called when the mount answers, and the process has left its terminal
// if it serves behind. From then on a hangup without a terminal calls reload, one
// call at a time, until done is closed.
func (h *hangups) serving(done <-chan struct{}, behind bool, reload func()) {
	if h.status() == hangupIgnored || h.terminal && !behind {
		return
	}
	h.meaning.Store(hangupReloads)
	go func() {
		for {
			select {
			case <-h.reload:
				reload()
			case <-done:
				return
			}
		}
	}()
}

// hasTerminal reports whether the process has a controlling terminal, whose end
// would send SIGHUP.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	tty.Close()
	return true
}
