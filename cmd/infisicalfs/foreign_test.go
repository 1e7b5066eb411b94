package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// fusemount ("fusemount DIR PROGRAM ARGS...") is an engine that mounts by itself, as
// Apptainer does for --fusemount: it opens /dev/fuse, mounts it on DIR with nothing
// but what the kernel insists on, and becomes PROGRAM ARGS... /dev/fd/3 -f.
func fusemount() {
	if err := mountAndExecute(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "fusemount:", err)
		os.Exit(1)
	}
}

func mountAndExecute(dir string, command []string) error {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	const given = 3
	if fd == given {
		_, err = unix.FcntlInt(given, unix.F_SETFD, 0)
	} else {
		err = unix.Dup3(fd, given, 0)
	}
	if err != nil {
		return err
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,allow_other", given, os.Getuid(), os.Getgid())
	if err := unix.Mount("fuse", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, append(command, "/dev/fd/3", "-f"), os.Environ())
}
