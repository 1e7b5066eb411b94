package mount

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// lettingGo is how long the kernel may take to end the connection of a mount that
// is out of the tree and that nobody uses.
const lettingGo = 2 * time.Second

// Close sends what exists nowhere else, for at most 20 seconds, and unmounts:
// cleanly if nobody uses the mount, else forcibly; files that are still open then
// answer ENOTCONN. What could not be sent is logged by name. It returns when the
// cache is closed and the goroutines are gone, within a few seconds more, and may
// be called again. The error is one that left the mount in the tree.
func (m *Mount) Close() error {
	m.closing.Do(func() { m.closeErr = m.unmount() })
	return m.closeErr
}

func (m *Mount) unmount() error {
	select {
	case <-m.ended:
		return nil // what is there now is not this mount
	default:
	}
	if m.supervised.Load() {
		m.tell(daemon.SdNotifyStopping)
	}
	m.lastWords() // while it is connected: writers may still be closing
	ctx, cancel := context.WithTimeout(context.Background(), 4*lettingGo)
	defer cancel()
	grace, err := m.leaveTree(ctx)
	if err != nil {
		return err
	}
	if m.letGoWithin(grace) {
		<-m.ended // after what remains of the time for sending
		return nil
	}
	// Out of the tree, but a bind mount or an open file keeps it alive.
	if err := attach.Abort(m.device); err == nil && m.letGoWithin(lettingGo) {
		<-m.ended
		return nil
	}
	m.lose(m.lastWords())
	m.rooms.close() // no value is served any longer
	m.log.Warn("the mount is still in use elsewhere and ends with this process", "mountpoint", m.point)
	return nil
}

// leaveTree takes the mount out of the tree if it is still there, and says how
// long its connection may take to end by itself.
func (m *Mount) leaveTree(ctx context.Context) (grace time.Duration, err error) {
	mounts, err := mounttable.Read()
	if err != nil {
		return 0, err
	}
	if !mounts.Has(m.point, m.device) {
		return lettingGo, nil
	}
	if top := mounts.At(m.point); top.Minor != m.device {
		return 0, exitcode.Errorf(exitcode.Mountpoint, "umount "+m.point+" first", "%s cannot be unmounted: a mount of %s is on top of it", m.point, top.FSType)
	}
	if attach.Unmount(ctx, m.point, attach.Cleanly) == nil {
		return lettingGo, nil
	}
	m.log.Warn("the mount is in use, unmounting it by force", "mountpoint", m.point)
	if err := attach.Unmount(ctx, m.point, attach.Forcibly); err != nil && m.inTree() {
		return 0, exitcode.Errorf(exitcode.Mountpoint, "umount -l "+m.point, "%s cannot be unmounted: %w", m.point, err)
	}
	return lettingGo / 10, nil
}

// letGoWithin waits for the kernel to let go for at most d.
func (m *Mount) letGoWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-m.letGo:
		return true
	case <-timer.C:
		return false
	}
}

// goesOn is called when the mount has left the tree, and logs who keeps it from
// ending.
func (m *Mount) goesOn() {
	if !m.letGoWithin(lettingGo) {
		m.log.Warn("unmounted here, and goes on for others", "mountpoint", m.point, "held_by", mounttable.HeldBy(mounttable.Holders(m.device)))
	}
}
