package journal

import "golang.org/x/sys/unix"

// anonymous makes memory without a name, which is never executed. Kernels before Linux
// 6.3 do not know the flag for that.
func anonymous() (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("infisicalfs-state", flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate("infisicalfs-state", flags)
	}
	return fd, err
}

// seal keeps the memory from shrinking, which would kill who has it mapped.
func seal(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK)
	return err
}
