package fusetest

import (
	"os"
	"os/signal"
	"syscall"
)

// HeedSignals takes back what whoever started the tests has ignored, as nohup and
// some CI runners do: else the programs that a test starts would inherit that, and
// not end when they are told to. It is for TestMain; the process itself goes on
// ignoring them.
func HeedSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s) // what is caught is at its default after exec
		}
	}
}
