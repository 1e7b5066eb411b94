package mount

import (
	"context"
	"time"

	tree "infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// lettingGo is how long the kernel may take to end the connection of a mount that
// is out of the tree and that nobody uses.
const lettingGo = 2 * time.Second

// sendFor is how long the end of a mount may take for sending what exists nowhere
// else. TimeoutStopSec= of the service units is longer.
const sendFor = 20 * time.Second

// Text is one of which the server does not have the last word: unsent, refused, or
// the old value of something that was removed or replaced.
type Text = tree.UnsentText

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
	if m.keep() {
		<-m.ended // the mount is another process's by now
		return nil
	}
	if m.supervised.Load() {
		Supervised{Log: m.log}.End()
	}
	m.forgetLegacy()
	m.sendUnsent() // while it is connected: writers may still be closing
	if m.foreign {
		m.letGoOfForeign()
		return nil
	}
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
	m.logLost(m.sendUnsent())
	m.rooms.close() // no value is served any longer
	m.log.Warn("the mount is still in use elsewhere and ends with this process", "mountpoint", m.point)
	return nil
}

// Leave sends what exists nowhere else, as Close does, and ends the connection, but
// leaves the mount in the tree, dead: whoever looks gets ENOTCONN, until [New] of the
// same mountpoint puts another in its place. So bind mounts in containers go on with
// the next process, which they would not after an unmount. Where the connection cannot
// be ended it ends with this process, and the error says why. Close does nothing afterwards.
func (m *Mount) Leave() error {
	m.closing.Do(func() { m.closeErr = m.leaveDead() })
	return m.closeErr
}

func (m *Mount) leaveDead() error {
	select {
	case <-m.ended:
		return nil
	default:
	}
	m.forgetLegacy()
	m.sendUnsent()
	m.leaving.Store(true)
	if err := attach.Sever(m.point, m.device); err != nil || !m.letGoWithin(lettingGo) {
		m.logLost(m.sendUnsent())
		m.rooms.close() // no value is served any longer
		return err
	}
	<-m.ended
	return nil
}

// leaveTree takes the mount out of the tree if it is still there, and says how
// long its connection may take to end by itself.
func (m *Mount) leaveTree(ctx context.Context) (grace time.Duration, err error) {
	mounts, err := tableAt(m.point)
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
		m.log.Warn("unmounted here, and goes on for others", "mountpoint", m.point, "held_by", mounttable.HeldBy(mounttable.Holders(m.device)[m.device]))
	}
}

// sendUnsent sends what exists nowhere else, because the mount is about to end or has
// been taken away, and returns what is left. All calls together take sendFor at
// most: what cannot be sent before the unmount is tried once more after it only in
// what remains of that. Nothing is sent after discard.
func (m *Mount) sendUnsent() []Text {
	left := m.rooms.tree.Unsent()
	if len(left) == 0 || m.discarding.Load() {
		return left
	}
	m.log.Warn("sending what exists nowhere else", "mountpoint", m.point, "texts", len(left), "within", sendFor)
	ctx, cancel := context.WithDeadline(context.Background(), m.sendUntil())
	defer cancel()
	return m.rooms.tree.SendUnsent(ctx)
}

// logLost logs by name what ends with the mount.
func (m *Mount) logLost(texts []Text) {
	for _, t := range texts {
		m.log.Error("this text was not sent, and ends with the mount", "mountpoint", m.point, "path", t.Path, "size", t.Size, "uid", t.UID, "why", t.Why)
	}
}
