package attach

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

// mountedWithin is how long whoever hands over a descriptor may take to mount it.
const mountedWithin = 10 * time.Second

// CheckDescriptor fails if fd is not an open descriptor of /dev/fuse. The error is an
// *exitcode.Error.
func CheckDescriptor(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return exitcode.Errorf(exitcode.Mountpoint, "open "+Device+" as descriptor N, mount it with fd=N, and keep it open for this process", "/dev/fd/%d: %w", fd, err)
	}
	const major, minor = 10, 229
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Major(st.Rdev) != major || unix.Minor(st.Rdev) != minor {
		return exitcode.Errorf(exitcode.Mountpoint, "open "+Device+" as that descriptor and mount it", "/dev/fd/%d is not %s", fd, Device)
	}
	return nil
}

// AwaitDescriptor returns when the kernel has a request on fd: somebody has mounted it.
// It fails with an *exitcode.Error if nobody does within ten seconds, or before ctx ends.
func AwaitDescriptor(ctx context.Context, fd int) error {
	ctx, cancel := context.WithTimeout(ctx, mountedWithin)
	defer cancel()
	const look = 20 * time.Millisecond
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, err := unix.Poll(ready, int(look/time.Millisecond))
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return exitcode.Errorf(exitcode.FUSE, "", "/dev/fd/%d: %w", fd, err)
		case err == nil && ready[0].Revents&unix.POLLIN != 0:
			return nil
		}
		select {
		case <-ctx.Done():
			return exitcode.Errorf(exitcode.Mountpoint, "mount it with fd=N,rootmode=40000,user_id=U,group_id=G and serve each mount once",
				"the kernel asks nothing on /dev/fd/%d: it is not mounted, or was served before", fd)
		case <-time.After(look): // of what is not mounted poll knows at once
		}
	}
}
