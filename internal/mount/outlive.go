package mount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mount/internal/reaper"
	"infisicalfs/secret"
)

// A mount outlives its process where somebody keeps the descriptor of its FUSE
// connection, nearly always the service manager (keeper.go): requests wait in the kernel until the unit's next
// process answers them. This file is what a process leaves for the next one; what that finds is in legacy.go.

// What the keeper has of each mount. Whatever else it keeps for the unit is closed by
// the next process, which does not know it, see [ReceiveLegacies].
const (
	keptDevice = "fuse"  // the connection
	keptState  = "state" // a [journal.Journal]
	keptKnown  = "known" // what its cache knew, see package known; only from an orderly end until it is read
)

// kept are those that are kept all the time, without which nobody can go on.
var kept = []string{keptDevice, keptState}

// keptName is what the keeper calls one of them. A mount with a name of its own
// ([Config.Volume]) has that in it, so that several mounts of a unit are told apart.
func keptName(kind, volume string) string {
	if volume == "" {
		return kind
	}
	return kind + "-" + volume
}

// keptOf tells what of which mount has a name; kind is empty if nothing of a mount has.
func keptOf(name string) (kind, volume string) {
	kind, volume, named := strings.Cut(name, "-")
	if kind != keptKnown && !slices.Contains(kept, kind) || named && volume == "" {
		return "", ""
	}
	return kind, volume
}

// forgetKept has the keeper close all that it has of a mount, and returns why it
// could not be told.
func forgetKept(k Keeper, volume string) error {
	var failures []error
	for _, kind := range append([]string{keptKnown}, kept...) {
		failures = append(failures, k.Forget(keptName(kind, volume)))
	}
	return errors.Join(failures...)
}

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
func (cfg Config) keepsJournal() bool { return cfg.outlivable() && cfg.keeper().Present() }

// outlivable reports whether another process can go on with a mount of that
// configuration so that nobody notices.
func (cfg Config) outlivable() bool {
	return cfg.Settings != "" && !cfg.foreign()
}

// links reports whether secrets are shown as links into generations.
func (cfg Config) links() bool { return cfg.Layout.Kind == "k8s" }

// hasEstate reports whether a process knows something of such a mount besides what the kernel
// has.
func (cfg Config) hasEstate() bool { return !cfg.readOnly() || cfg.links() }

// legacyOf returns what is always true of a mount.
func legacyOf(cfg Config, point string) legacy {
	asked, err := attach.Absolute(cfg.Mountpoint)
	if err != nil {
		asked = point
	}
	return legacy{Asked: asked, Point: point, Settings: cfg.Settings, Root: cfg.Root, Personal: cfg.FS.PersonalReadOnly, Version: cfg.Version}
}

// Keep has the keeper keep what the unit's next process needs, as [Mount.Supervise]
// does for a process with one mount, and reports whether it does. Where that is not possible the mount ends with this
// process. Call it once, and before the manager is told that the process is ready.
func (m *Mount) Keep() bool {
	if m.rooms.journal == nil {
		return false
	}
	err := m.holding(func() error {
		err := m.putLegacy(nil)
		if err == nil && !m.kept.Load() {
			err = m.store()
		}
		return err
	})
	if err != nil {
		m.log.Warn("the mount will not outlive its process", "mountpoint", m.point, "error", err)
		return false
	}
	watched, err := reaper.Watch(m.rooms.session.Device(), m.device)
	if err != nil {
		m.log.Warn("if this process is killed while it waits for its own mount, the next one starts late", "mountpoint", m.point, "error", err)
		return true
	}
	m.reaper.Store(watched)
	return true
}

// store leaves the descriptors with the keeper, both or none.
func (m *Mount) store() error {
	err := m.keeper.Store(keptName(keptDevice, m.volume), m.rooms.session.Device())
	if err != nil {
		return err
	}
	m.kept.Store(true)
	if err = m.keeper.Store(keptName(keptState, m.volume), m.rooms.journal.Descriptor()); err != nil {
		m.forgetLegacy()
	}
	return err
}

// putLegacy writes down what the next process has to know, but for what the kernel holds.
func (m *Mount) putLegacy(estate *fs.Estate) error {
	l := *m.legacy
	l.Document = *m.documented(handover.Whole, &kernelstate.State{}, estate)
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return m.rooms.journal.Put(blobLegacy, text)
}

// OnlyWatches reports whether this process was started by another, which serves a mount,
// to help it end. It returns true when that has ended: then this process is to end too. A
// program that calls [Mount.Supervise] calls it before it does anything else.
func OnlyWatches() bool { return reaper.Entered() }

// forgetLegacy has the keeper let go of the connection, which would
// not end before. It does so once: by the time that a mount which somebody else still
// has ends, another one may have its name.
func (m *Mount) forgetLegacy() {
	if !m.kept.Swap(false) {
		return
	}
	if err := forgetKept(m.keeper, m.volume); err != nil {
		m.log.Warn("what nobody needs any more stays kept", "mountpoint", m.point, "error", err)
	}
}

// Finish ends the mount when its process was told to end. If that is because the
// service manager is about to start another process of the same unit, which has what it
// needs to go on with the mount, the mount stays; whoever uses it waits for that
// process, and notices nothing else. Otherwise it is [Mount.Close].
func (m *Mount) Finish() error {
	if m.rooms.journal == nil || !m.supervised.Load() {
		return m.Close()
	}
	followed, err := m.keeper.Followed(context.Background(), 1)
	if err != nil {
		m.log.Warn("whether the unit is restarted is not known, so the mount ends", "mountpoint", m.point, "error", err)
	}
	if !followed {
		return m.Close()
	}
	return m.LeaveToNext()
}

// LeaveToNext ends this process's part in a mount that another process of the unit is about
// to go on with, see [Keeper]; the mount stays. Where that is not possible it is [Mount.Close], and
// for one of a [Hub] [Mount.Leave].
func (m *Mount) LeaveToNext() error {
	m.closing.Do(func() {
		if m.kept.Load() {
			m.closeErr = m.leave()
		} else {
			m.closeErr = m.endInstead()
		}
	})
	return m.closeErr
}

// endInstead is what is done where nobody can go on with the mount although a process follows.
func (m *Mount) endInstead() error {
	if m.rooms.hub != nil {
		return m.leaveDead()
	}
	return m.unmount()
}

// leaveFor is how long a request that was read may take to be answered before it is left to
// the next process. Everybody else waits for it meanwhile.
const leaveFor = 500 * time.Millisecond

// leave ends this process's part in the mount. If that fails the mount ends too.
func (m *Mount) leave() error {
	if m.supervised.Load() {
		Supervised{Log: m.log}.End()
	}
	m.sendUnsent()
	_ = m.awaitQuiet() // what is only here then is found once nobody is served any more
	err := m.holding(func() error {
		m.rooms.stopEmitThread() // it waits for answers of this process
		return m.stopForNext()
	})
	if err != nil {
		m.log.Error("the unit's next process cannot go on with the mount", "mountpoint", m.point, "error", err)
		return m.endInstead()
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
	again := s.Resends() && !m.rooms.writable // what only looks can be asked again
	if again {
		limit = leaveFor
	}
	drained := s.Drain(limit)
	var err error
	switch {
	case drained:
		if err = m.finishJournal(); err == nil {
			m.leaveKnown()
			s.Leave()
			return nil
		}
	case again: // the journal has what was answered
		m.leaveKnown()
		return s.Abandon()
	default:
		err = errors.New("a request takes long to answer")
	}
	if failed := s.Resume(); failed != nil {
		m.log.Error("the mount cannot be served any longer", "mountpoint", m.point, "error", failed)
	}
	return err
}

// finishJournal writes down all that the next process has to know. Nothing is served
// meanwhile.
func (m *Mount) finishJournal() error {
	estate, err := m.estate()
	if err != nil {
		return fmt.Errorf("its process alone knows something: %w", err)
	}
	if err := m.putLegacy(estate); err != nil {
		return err
	}
	return m.rooms.journal.Finish(m.rooms.kernel.Export())
}
