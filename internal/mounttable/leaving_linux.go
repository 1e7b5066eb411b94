package mounttable

import (
	"sync"

	"golang.org/x/sys/unix"
)

// OnLeaving calls do, once, when the mount table no longer has a mount of ours
// with that device number, or cannot be read: whoever keeps it alive shall not
// do so for longer than people can see it. stop ends the watch; do may still be
// called afterwards.
func OnLeaving(device int, do func()) (stop func(), err error) {
	table, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		unix.Close(table)
		return nil, err
	}
	go func() {
		defer unix.Close(table)
		defer unix.Close(pipe[0])
		for stillMounted(device) {
			// The kernel reports what has changed since the table was opened or
			// last polled.
			poll := []unix.PollFd{{Fd: int32(table), Events: unix.POLLPRI}, {Fd: int32(pipe[0]), Events: unix.POLLIN}}
			_, err := unix.Poll(poll, -1)
			switch {
			case err == unix.EINTR:
			case err != nil:
				do()
				return
			case poll[1].Revents != 0:
				return
			}
		}
		do()
	}()
	return sync.OnceFunc(func() { unix.Close(pipe[1]) }), nil
}

func stillMounted(device int) bool {
	mounts, err := Read()
	if err != nil {
		return false
	}
	return mounts.Connected(device)
}
