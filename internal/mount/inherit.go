package mount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/internal/mount/internal/journal"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mounttable"
	"infisicalfs/internal/systemd"
)

// Legacy is a live mount that nobody serves: an earlier process of this process's unit
// has left it with the service manager, see [Mount.Finish], or was killed. Everybody who
// uses the mount waits, so it is to be gone on with, by [GoOn], before anything else is done, or given
// up. All methods may be called of a nil one, which is none.
type Legacy struct {
	legacy
	volume  string // what the mount is called
	device  int
	journal *journal.Journal
	kernel  *kernelstate.State // what the kernel holds
	known   int                // see package known; negative: nothing
	clean   bool               // the process before has come to an orderly end: what it read it has answered
	log     *slog.Logger

	limit *time.Timer
	over  sync.Once // it is gone on with, or given up
}

// waitFor is how long nobody serves a mount that was left before it is given up. Nobody
// who uses it waits longer.
const waitFor = 10 * time.Second

// How many processes in a row may come to nothing that try to go on with a mount, and how
// long one has to have served it to be another case.
const (
	maxTries = 20
	doesWell = 2 * time.Second
)

// blobTries is what the journal has as many bytes under as processes have tried.
const blobTries = "tries"

// ReceiveLegacy is [ReceiveLegacies] for a process with one mount, which has no name; nil if
// nothing was left of that. Mounts with names are given up.
func ReceiveLegacy(log *slog.Logger) *Legacy {
	all, others := ReceiveLegacies(log)
	for _, d := range others {
		unix.Close(d.FD)
	}
	for volume, l := range all {
		if volume != "" {
			l.GiveUp(errors.New("this process has no mounts with names"))
		}
	}
	return all[""]
}

// ReceiveLegacies returns what an earlier process of the unit has left, by [Config.Volume],
// and what else the service manager has handed over, such as sockets, which is the caller's to close. Call it
// once, and before any other program is started. What nobody can go on with is given
// up here; each that is returned gives itself up after ten seconds.
func ReceiveLegacies(log *slog.Logger) (all map[string]*Legacy, others []systemd.Descriptor) {
	left := map[string]map[string]int{} // descriptors by mount and kind
	for _, d := range systemd.Received() {
		kind, volume := keptOf(d.Name)
		if kind == "" {
			others = append(others, d)
			continue
		}
		if _, twice := left[volume][kind]; twice || kind == keptDevice && attach.CheckDescriptor(d.FD) != nil {
			unix.Close(d.FD)
			continue
		}
		if left[volume] == nil {
			left[volume] = map[string]int{}
		}
		left[volume][kind] = d.FD
	}
	all = map[string]*Legacy{}
	for volume, descriptors := range left {
		if l := newLegacy(volume, descriptors, log); l != nil {
			all[volume] = l
		}
	}
	return all, others
}

// newLegacy takes over descriptors by kind; nil if they are given up.
func newLegacy(volume string, descriptors map[string]int, log *slog.Logger) *Legacy {
	take := func(kind string) int {
		if fd, ok := descriptors[kind]; ok {
			return fd
		}
		return -1
	}
	l := &Legacy{volume: volume, device: take(keptDevice), known: take(keptKnown), log: log}
	if err := l.read(take(keptState)); err != nil {
		l.GiveUp(err)
		return nil
	}
	l.limit = time.AfterFunc(waitFor, func() { l.GiveUp(errors.New("nobody served it for " + waitFor.String())) })
	return l
}

// read looks at what was left, without asking the mount anything. The descriptor is l's
// from now on.
func (l *Legacy) read(state int) error {
	if l.device < 0 || state < 0 {
		if state >= 0 {
			unix.Close(state)
		}
		return errors.New("a part of it is missing")
	}
	j, left, err := journal.Open(state)
	if err != nil {
		return err
	}
	l.journal, l.kernel, l.clean = j, left.State, left.Clean
	if err := json.Unmarshal(left.Blobs[blobLegacy], &l.legacy); err != nil {
		return fmt.Errorf("what was left of it cannot be read: %w", err)
	}
	if !slices.Contains(handover.Formats, l.Format) {
		return fmt.Errorf("it was left by version %s, in another format", l.Version)
	}
	if !l.clean { // what it says of the estate an earlier process has said
		if l.Estate, err = fs.Recollect(left.Blobs); err != nil {
			return err
		}
	}
	tries := len(left.Blobs[blobTries])
	if tries >= maxTries {
		return fmt.Errorf("%d processes have tried to go on with it", tries)
	}
	return j.Put(blobTries, make([]byte, tries+1))
}

// GiveUp ends the mount, if nobody goes on with it yet, because of an error that is
// logged. What remains in the tree is as if its process had been killed: dead, until a
// new mount takes its place.
func (l *Legacy) GiveUp(why error) {
	if l == nil {
		return
	}
	l.over.Do(func() {
		l.log.Warn("the mount of an earlier process is given up", "mountpoint", l.Point, "error", why)
		l.end()
	})
}

// end ends the connection.
func (l *Legacy) end() {
	if l.limit != nil {
		l.limit.Stop()
	}
	if err := forgetKept(l.volume); err != nil {
		l.log.Warn("the service manager keeps what it does not need", "error", err)
	}
	if l.Connection != 0 && l.ours() == nil {
		if err := attach.Sever(l.Point, l.Connection); err != nil {
			l.log.Warn("the connection ends when nobody has it any more", "mountpoint", l.Point, "error", err)
		}
	}
	if l.device >= 0 {
		unix.Close(l.device)
	}
	if l.known >= 0 {
		unix.Close(l.known)
	}
	if l.journal != nil {
		l.journal.Close()
	}
}

// remove takes the dead mount out of the tree, where no other will take its place.
func (l *Legacy) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), blocking.LookTimeout)
	defer cancel()
	if mounts, err := mounttable.Read(); err == nil && mounts.Has(l.Point, l.Connection) {
		if err := attach.Unmount(ctx, l.Point, attach.Forcibly); err != nil {
			l.log.Warn("a dead mount stays behind", "mountpoint", l.Point, "error", err)
		}
	}
}

// ours fails if the connection is not that of the mount which was left, or the mount is
// not where it was. Nobody is asked but the kernel.
func (l *Legacy) ours() error {
	mounts, err := mounttable.Read()
	if err != nil {
		return err
	}
	if !mounts.Has(l.Point, l.Connection) {
		return fmt.Errorf("it is not mounted on %s any more", l.Point)
	}
	return isConnection(l.device, l.Connection)
}

// Fits reports whether the mount is what cfg describes: then it can be gone on with.
// Otherwise it is given up, so that a new one can be made in its place; cfg.Root counts
// only for the latter.
func (l *Legacy) Fits(cfg Config) bool {
	if l == nil {
		return false
	}
	asked, err := attach.Absolute(cfg.Mountpoint)
	switch {
	case err == nil && asked == l.Asked && cfg.Volume == l.volume && cfg.Settings == l.Settings && cfg.outlivable():
		return true
	case err == nil && asked != l.Asked:
		l.over.Do(func() {
			l.log.Warn("the mount of an earlier process ends: another mountpoint was said", "mountpoint", l.Point, "now", asked)
			l.end()
			l.remove()
		})
	default:
		l.GiveUp(errors.New("other settings were said"))
	}
	return false
}

// GoOn serves a mount that an earlier process has left and that cfg fits. It asks neither
// the server nor the mount anything before that: what the server has to be asked is
// asked when somebody wants to know, as of a mount that was there before an outage. Of
// cfg, Root and FS.PersonalReadOnly are set. After an error the mount is given up.
func GoOn(cfg Config, l *Legacy) (*Mount, error) {
	var m *Mount
	err := errors.New("too late")
	l.over.Do(func() {
		if m, err = l.goOn(cfg); err != nil {
			l.end()
		}
	})
	if err != nil {
		return nil, fmt.Errorf("the mount on %s, which an earlier process has left, cannot be gone on with: %w", l.Point, err)
	}
	m.wentOn(l.clean)
	return m, nil
}

// goOn begins to serve. The descriptors stay l's if it fails.
func (l *Legacy) goOn(cfg Config) (*Mount, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := l.ours(); err != nil {
		return nil, err
	}
	if l.clean && l.Estate == nil && !cfg.readOnly() {
		return nil, errors.New("it does not say who has read what")
	}
	// One that is closed by whoever serves, and one that is closed after an error.
	device, err := unix.FcntlInt(uintptr(l.device), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	cfg.Root, cfg.FS.PersonalReadOnly, cfg.Unasked = l.Root, l.Personal, true
	inherited := &inheritance{}
	cfg.FS.Inherited = inherited.has
	rooms := wire(cfg, l.Point, time.Now())
	m := newMount(cfg, l.Point, rooms)
	m.device, rooms.inTree = l.Connection, m.stands
	m.kept.Store(true)
	before := l.Document
	before.Kernel = *l.kernel
	if err := rooms.goOn(device, cfg, &before, inherited); err != nil {
		rooms.close()
		return nil, err
	}
	rooms.tree.Inherit(l.Estate)
	rooms.journal = l.journal
	rooms.kernel.Keep(l.journal)
	l.takeKnown(m)
	if err := m.serveLegacy(l); err != nil {
		rooms.session.Close()
		rooms.notifier.Close()
		rooms.close()
		return nil, err
	}
	l.limit.Stop()
	unix.Close(l.device)
	return m, nil
}

// serveLegacy begins to answer.
func (m *Mount) serveLegacy(l *Legacy) error {
	s := m.rooms.session
	if !s.Connected() {
		return errors.New("the kernel has ended the connection")
	}
	if !l.clean {
		if err := s.Resend(); err != nil {
			return fmt.Errorf("what the process before has read is lost: %w", err)
		}
	}
	for _, node := range m.rooms.kernel.Nodes() {
		m.rooms.notifier.InodeNotify(node, -1, 0)
	}
	if err := s.Unblock(); err != nil {
		return err
	}
	life, cancel := context.WithCancel(context.Background())
	m.catchingUp.Go(func() { m.catchUp(life) })
	m.catchingUp.Go(func() { m.doesWell(life) })
	go func() {
		<-m.letGo
		cancel()
	}()
	go m.run()
	return nil
}

// wentOn is what is done once the mount is served: others can ask this process, and watchers
// are told of changes. What was not known yet is asked for in the background.
func (m *Mount) wentOn(clean bool) {
	m.watch()
	m.listen()
	close(m.listened)
	m.log.Info("went on with the mount of an earlier process", "mountpoint", m.point, "processes", m.rooms.kernel.Epoch(), "killed", !clean)
}

// doesWell says after a while that this process is none of many which come to nothing.
func (m *Mount) doesWell(life context.Context) {
	select {
	case <-life.Done():
		return
	case <-time.After(doesWell):
	}
	if err := m.rooms.journal.Put(blobTries, nil); err != nil {
		m.log.Warn("the state for the next process cannot be written", "mountpoint", m.point, "error", err)
	}
}

// catchUp asks the server for the root until it answers, and then opens again what
// programs have open and has the kernel forget what it had from the process before.
func (m *Mount) catchUp(life context.Context) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := m.rooms.firstContact(life)
		if err == nil {
			break
		}
		if life.Err() != nil {
			return
		}
		m.log.Warn("the mount is served, but the server does not show what it is of", "mountpoint", m.point, "again_in", pause, "error", err)
		select {
		case <-life.Done():
			return
		case <-time.After(pause):
		}
	}
	warm, cancel := context.WithTimeout(life, warmFor)
	defer cancel()
	m.rooms.kernel.Reopen(warm.Done())
	m.rooms.forgetAll()
	m.log.Info("caught up with what the server has", "mountpoint", m.point)
	m.confirm(life)
}
