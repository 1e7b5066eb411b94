package mount

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/cache"
	"infisicalfs/internal/mount/internal/known"
	"infisicalfs/secret"
)

// What the cache knows goes on with the mount, if its process comes to an orderly end, so that
// in an outage the next process shows what this one would have shown (package known). The
// next one may read it, because it has the same settings, which say the same identity; as
// here, the server's first refusal takes all of it away. After a kill it is gone.

// Reading what is known is a part of the time for which nobody serves the mount. A service
// manager gives the next process ten seconds, one that takes over has two: so much is read
// in a fifth of a second.
const knownForReplacement = 16 << 20

// seal returns a descriptor, the caller's to close, of what the cache knows of what this
// mount shows, in so many bytes at most; negative: nothing goes on.
func (m *Mount) seal(limit int) int {
	list := m.handsOn()
	if len(list) == 0 {
		return -1
	}
	fd, err := known.Seal(list, m.rooms.shareOf(limit))
	if err != nil {
		m.log.Warn("the next process will not know what this one has known, and asks the server", "mountpoint", m.point, "error", err)
		return -1
	}
	return fd
}

// handsOn is what the next process may know of what this one does. A person's own overrides
// stay here, and what refers to them: who logs in next in the same way may be somebody else.
func (m *Mount) handsOn() []cache.Known {
	if m.private.Load() {
		return nil
	}
	return slices.DeleteFunc(m.rooms.cache.Export(), func(k cache.Known) bool {
		return !m.rooms.root.Contains(k.Folder.Dir) // other mounts of a hub show it
	})
}

// knowsRoot reports whether the next process can show something without the server.
func (m *Mount) knowsRoot() bool { return !m.private.Load() && m.rooms.cache.Knows(m.rooms.root) }

// KeepToItself says that another identity has logged in than Config.Settings says: what the
// mount knows does not go on to a next process, which logs in as the one that they say.
func (m *Mount) KeepToItself() { m.private.Store(true) }

// shareOf divides what the mounts of a hub may take together.
func (r *rooms) shareOf(bytes int) int {
	if r.hub == nil {
		return bytes
	}
	return bytes / max(1, r.hub.size())
}

// takeKnown takes in what another process has known. The descriptor is closed.
func (m *Mount) takeKnown(fd int) {
	list, err := known.Open(fd)
	unix.Close(fd)
	if err != nil {
		m.log.Warn("what the process before has known is not, and the server is asked", "mountpoint", m.point, "error", err)
		return
	}
	taken := m.rooms.cache.Import(list)
	m.unproven = taken > 0
	m.log.Info("what the process before has known goes on", "mountpoint", m.point, "folders", taken)
}

// confirm has the server say whether this process's own login may see what it has taken in,
// until it answers. What it refuses is shown no longer.
func (m *Mount) confirm(life context.Context) {
	if !m.unproven {
		return
	}
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := m.rooms.cache.Confirm(life, m.rooms.root)
		if err == nil || errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrUnauthenticated) || errors.Is(err, secret.ErrNotFound) {
			return
		}
		select {
		case <-life.Done():
			return
		case <-time.After(pause):
		}
	}
}

// leaveKnown leaves what the cache knows with the keeper, until the unit's next
// process has read it.
func (m *Mount) leaveKnown() {
	fd := m.seal(known.MaxBytes)
	if fd < 0 {
		return
	}
	defer unix.Close(fd)
	name := keptName(keptKnown, m.volume)
	// An earlier process may have left some, which a version that does not know it has left there.
	if err := m.keeper.Replace(name, fd); err != nil {
		m.log.Warn("the next process will not know what this one has known", "mountpoint", m.point, "error", err)
	}
}

// takeKnown takes in what the process before has known, which nobody has afterwards but m.
func (l *Legacy) takeKnown(m *Mount) {
	if l.known < 0 {
		return
	}
	m.takeKnown(l.known)
	l.known = -1
	if err := l.keeper.Forget(keptName(keptKnown, l.volume)); err != nil {
		l.log.Warn("what nobody needs any more stays kept", "mountpoint", l.Point, "error", err)
	}
}
