//go:build linux

package control

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// asUser runs do on a thread that ends with it, as another user to the kernel who
// still may go everywhere.
func asUser(uid int, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread() // the first thread stays, and as it is
			done <- asUser(uid, do)        // on another one: this is held
			return
		}
		const keep = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			done <- err
			return
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- errno
			return
		}
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{{Effective: keep, Permitted: keep}}
		if err := unix.Capset(&header, &data[0]); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}
