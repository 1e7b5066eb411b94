package sealed

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// Make makes memory of that size, at least one byte, has it filled, and seals it. The name is for people who list
// descriptors. The descriptor is the caller's to close, and not inherited by programs that it starts.
func Make(name string, size int, fill func([]byte)) (fd int, err error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err = unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	// All of it is there before it is written to: what is missing then is a signal.
	err = os.NewSyscallError("fallocate", unix.Fallocate(fd, 0, 0, int64(size)))
	if err == nil {
		err = written(fd, size, fill)
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		err = os.NewSyscallError("sealing", err)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func written(fd, size int, fill func([]byte)) error {
	memory, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	quiet(memory)
	fill(memory)
	return os.NewSyscallError("munmap", unix.Munmap(memory)) // nothing that is mapped to be written can be sealed
}

// quiet keeps memory from being swapped and dumped while it is mapped, as far as that is
// allowed.
func quiet(memory []byte) {
	_ = unix.Mlock(memory)
	_ = unix.Madvise(memory, unix.MADV_DONTDUMP)
}

// Read calls read with the memory behind a descriptor, which nobody can change, and which is gone when read
// returns. It leaves the descriptor open. What is not sealed, empty, or larger than limit bytes is an error.
func Read(fd, limit int, read func([]byte) error) error {
	got, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || got&seals != seals {
		return errors.Join(err, errors.New("it is not sealed"))
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Size == 0 || stat.Size > int64(limit) {
		return fmt.Errorf("%d bytes", stat.Size)
	}
	memory, err := unix.Mmap(fd, 0, int(stat.Size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(memory)
	quiet(memory)
	return read(memory)
}
