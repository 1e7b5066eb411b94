// Package systemd is what a service has to say to the service manager that has started
// it, and to ask it, beyond "ready": so that what the service holds open outlives its
// process, and the service knows whether another process of it is about to follow.
//
// Before anything else a service takes what an earlier process of it has left:
//
//	for _, d := range systemd.Received() { … d.Name, d.FD … }
//
// It leaves descriptors with the manager while it runs, under names of its own choice,
// where the unit allows that (FileDescriptorStoreMax=). Both sides have the same open
// file then; the manager keeps its own until [Forget], or until the unit stops for good:
//
//	err := systemd.Store("fuse", fd)
//
// And when it is told to end (SIGTERM says nothing about what follows), it asks:
//
//	unit, err := systemd.Ask(ctx)
//	if err == nil && unit.Restarts() && unit.Stored > 0 { … leave all as it is … }
//
// The manager is found by its socket for notifications, NOTIFY_SOCKET: that is in the
// directory of the manager's own, so the system's and a user's need not be told apart.
package systemd
