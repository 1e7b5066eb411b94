package systemd

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Descriptor is one that the manager hands over.
type Descriptor struct {
	Name string
	FD   int // the receiver's to close; not inherited by programs that it starts
}

// firstReceived is the number of the first descriptor that a manager hands over.
const firstReceived = 3

// Received returns the descriptors that the manager has handed to this process, in no
// particular order: what an earlier process has left with it, and the unit's sockets. One
// name may occur twice. They are handed out once: the variables that tell of them
// are taken out of the environment, so that no child takes its own descriptors for these.
func Received() []Descriptor {
	const pid, number, names = "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"
	defer func() {
		for _, name := range []string{pid, number, names} {
			os.Unsetenv(name)
		}
	}()
	if meant, err := strconv.Atoi(os.Getenv(pid)); err != nil || meant != os.Getpid() {
		return nil
	}
	count, err := strconv.Atoi(os.Getenv(number))
	if err != nil || count <= 0 {
		return nil
	}
	called := strings.Split(os.Getenv(names), ":")
	var list []Descriptor
	for i := range count {
		d := Descriptor{FD: firstReceived + i}
		if i < len(called) {
			d.Name = called[i]
		}
		unix.CloseOnExec(d.FD)
		kept.handed(d.Name)
		list = append(list, d)
	}
	return list
}

// ErrNoManager means that no service manager wants to be told anything.
var ErrNoManager = errors.New("no service manager has started this process")

// Present reports whether a service manager has started this process and wants to be told
// things.
func Present() bool { return os.Getenv(socketVariable) != "" }

// Store leaves a descriptor with the manager under a name, without a colon, in addition
// to those that it has of that name. It stays the caller's. The manager keeps it whatever
// becomes of what is behind it. Nothing says whether the manager took it: [Ask] tells how many
// it has. The error is [ErrTooMany] if the manager could start no other process with it.
func Store(name string, fd int) error {
	if !kept.add(name) {
		return ErrTooMany
	}
	err := tell("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, fd)
	if err != nil {
		kept.removeOne(name)
	}
	return err
}

// Forget has the manager close all that it has of a name.
func Forget(name string) error {
	err := tell("FDSTOREREMOVE=1\nFDNAME="+name, -1)
	if err == nil {
		kept.remove(name)
	}
	return err
}

// socketVariable names where the manager is told things.
const socketVariable = "NOTIFY_SOCKET"
