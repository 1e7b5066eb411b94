package blocking

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// OnThread runs do on an operating system thread that ends with it, so that do
// may leave the thread changed: in another mount namespace, or with descriptors
// of its own. do may block in the kernel, then OnThread does too.
//
// The first thread of a process is not taken: Go cannot end it, and what /proc
// shows of a process is what that thread has.
func OnThread(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			OnThread(do) // cannot land here again: this goroutine holds the thread
			runtime.UnlockOSThread()
			return
		}
		do() // still locked at the end, which ends the thread
	}()
	<-done
}
