package mount

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mount/internal/reaper"
	"infisicalfs/internal/systemd"
	"infisicalfs/secret"
)

// A mount outlives its process where a service manager keeps the descriptor of its FUSE
// connection: requests wait in the kernel until the unit's next process answers them. This
// file is what a process leaves for the next one; how that goes on is in inherit.go.

// What the service manager keeps, by name.
const (
	keptDevice = "fuse"  // the connection
	keptState  = "state" // a [journal.Journal]
)

// blobLegacy is what the journal has a legacy under.
const blobLegacy = "mount"

// legacy is what the next process of the unit has to know, but for what the kernel holds.
type legacy struct {
	handover.Document // without Kernel

	Asked    string     `json:"asked"` // the mountpoint, as it was said, but absolute
	Point    string     `json:"point"` // and without symbolic links
	Settings string     `json:"settings"`
	Root     secret.Dir `json:"root"`
	Personal bool       `json:"personal"` // Config.FS.PersonalReadOnly, which depends on who logs in
	Version  string     `json:"version"`
}

// keepsJournal reports whether what the kernel holds of such a mount is written down as it
// changes: somebody may keep the mount when this process is killed.
func (cfg Config) keepsJournal() bool { return cfg.outlivable() && systemd.Present() }

// outlivable reports whether another process can go on with a mount of that
// configuration so that nobody notices.
func (cfg Config) outlivable() bool {
	return cfg.Settings != "" && cfg.Hub == nil && !cfg.foreign() && cfg.readOnly() &&
		cfg.Layout.Kind != "k8s" && cfg.FS.KernelCache != fs.CacheFull
}

// legacyOf returns what is always true of a mount.
func legacyOf(cfg Config, point string) legacy {
	asked, err := attach.Absolute(cfg.Mountpoint)
	if err != nil {
		asked = point
	}
	return legacy{Asked: asked, Point: point, Settings: cfg.Settings, Root: cfg.Root, Personal: cfg.FS.PersonalReadOnly, Version: cfg.Version}
}

// leaveToNext has the service manager keep what the unit's next process needs.
// Where that is not possible the mount ends with this process, as it always did.
func (m *Mount) leaveToNext() {
	j := m.rooms.journal
	if j == nil {
		return
	}
	err := m.holding(func() error {
		l := *m.legacy
		l.Document = *m.documented(handover.Formats[0], &kernelstate.State{}, nil)
		text, err := json.Marshal(l)
		if err == nil {
			err = j.Put(blobLegacy, text)
		}
		if err == nil {
			err = systemd.Store(keptDevice, m.rooms.session.Device())
		}
		if err == nil {
			err = systemd.Store(keptState, j.Descriptor())
		}
		return err
	})
	if err != nil {
		m.log.Warn("the mount will not outlive its process", "mountpoint", m.point, "error", err)
		return
	}
	watched, err := reaper.Start(m.rooms.session.Device(), m.device)
	if err != nil {
		m.log.Warn("if this process is killed while it waits for its own mount, the next one starts late", "mountpoint", m.point, "error", err)
		return
	}
	m.reaper.Store(watched)
}

// OnlyWatches reports whether this process was started by another, which serves a mount,
// to help it end. It returns true when that has ended: then this process is to end too. A
// program that calls [Mount.Supervise] calls it before it does anything else.
func OnlyWatches() bool { return reaper.Entered() }

// forgetLegacy has the service manager let go of the connection, which would
// not end before.
func (m *Mount) forgetLegacy() {
	if m.rooms.journal == nil {
		return
	}
	for _, name := range []string{keptDevice, keptState} {
		if err := systemd.Forget(name); err != nil {
			m.log.Warn("the service manager keeps what it does not need", "mountpoint", m.point, "error", err)
		}
	}
}

// Finish ends the mount when its process was told to end. If that is because the
// service manager is about to start another process of the same unit, which has what it
// needs to go on with the mount, the mount stays; whoever uses it waits for that
// process, and notices nothing else. Otherwise it is [Mount.Close].
func (m *Mount) Finish() error {
	if !m.followed() {
		return m.Close()
	}
	m.closing.Do(func() { m.closeErr = m.leave() })
	return m.closeErr
}

// followed reports whether another process is going to go on with the mount.
func (m *Mount) followed() bool {
	if m.rooms.journal == nil || !m.supervised.Load() {
		return false
	}
	unit, err := systemd.Ask(context.Background())
	if err != nil {
		m.log.Warn("whether the unit is restarted is not known, so the mount ends", "mountpoint", m.point, "error", err)
		return false
	}
	const both = 2
	return unit.Restarts() && unit.Stored >= both
}

// leaveFor is how long a request that was read may take to be answered before it is left to
// the next process. Everybody else waits for it meanwhile.
const leaveFor = 500 * time.Millisecond

// leave ends this process's part in the mount. If that fails the mount ends too.
func (m *Mount) leave() error {
	Supervised{Log: m.log}.End()
	m.sendUnsent()
	err := m.holding(func() error {
		m.rooms.stopEmitThread() // it waits for answers of this process
		return m.stopForNext()
	})
	if err != nil {
		m.log.Error("the unit's next process cannot go on with the mount", "mountpoint", m.point, "error", err)
		return m.unmount()
	}
	m.log.Info("the unit's next process goes on with the mount", "mountpoint", m.point)
	<-m.ended
	return nil
}

// stopForNext answers what was read and writes down what the kernel knows. After an
// error the mount is served here.
func (m *Mount) stopForNext() error {
	s := m.rooms.session
	limit := drainFor
	if s.Resends() {
		limit = leaveFor
	}
	drained := s.Drain(limit)
	var err error
	if drained {
		err = m.rooms.journal.Finish(m.rooms.kernel.Export())
	}
	switch {
	case err == nil && drained:
		s.Leave()
		return nil
	case err == nil && s.Resends(): // the journal has what was answered
		return s.Abandon()
	case err == nil:
		err = errors.New("a request takes long to answer")
	}
	if again := s.Resume(); again != nil {
		m.log.Error("the mount cannot be served any longer", "mountpoint", m.point, "error", again)
	}
	return err
}
