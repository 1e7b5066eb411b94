package mount

import (
	"context"
	"errors"

	"infisicalfs/internal/systemd"
)

// Keeper keeps descriptors for the next process of a service, so that its mounts outlive this one. It is the
// service manager, unless [Config.Keeper] is somebody else. All methods are safe for concurrent use, and
// answer within some seconds.
type Keeper interface {
	// Present reports whether there is one. It is asked again and again, and always says the same.
	Present() bool

	// Received returns what an earlier process has left, once. The descriptors are the caller's.
	Received() []systemd.Descriptor

	// Store leaves a descriptor under a name that is not in use, Replace in the place of what is
	// kept under it. The descriptor stays the caller's. Forget lets go of what is kept under a name.
	Store(name string, fd int) error
	Replace(name string, fd int) error
	Forget(name string) error

	// Followed reports whether the next process is about to start, and is handed what it needs of so
	// many mounts. An error means that nobody knows.
	Followed(ctx context.Context, mounts int) (bool, error)
}

// ServiceManager is the service manager that has started this process.
type ServiceManager struct{}

// Present reports whether one has, and wants to be told things.
func (ServiceManager) Present() bool { return systemd.Present() }

// Received is [systemd.Received].
func (ServiceManager) Received() []systemd.Descriptor { return systemd.Received() }

// Store is [systemd.Store].
func (ServiceManager) Store(name string, fd int) error { return systemd.Store(name, fd) }

// Replace lets go of what is kept, and leaves the other: in between there is neither.
func (ServiceManager) Replace(name string, fd int) error {
	return errors.Join(systemd.Forget(name), systemd.Store(name, fd))
}

// Forget is [systemd.Forget].
func (ServiceManager) Forget(name string) error { return systemd.Forget(name) }

// Followed asks about the job of this process's unit, for two seconds at most.
func (ServiceManager) Followed(ctx context.Context, mounts int) (bool, error) {
	unit, err := systemd.Ask(ctx)
	return err == nil && unit.Restarts() && unit.Stored >= mounts*len(kept), err
}

// keeper is who keeps descriptors.
func (cfg Config) keeper() Keeper {
	if cfg.Keeper == nil {
		return ServiceManager{}
	}
	return cfg.Keeper
}
