//go:build !linux

package emit

import "syscall"

// Other systems have no inotify.

func threadID() uint32 { return 0 }

func (a *Attempt[D]) call(int) syscall.Errno { return syscall.ENOSYS }

func lookFor(int, string) {}
