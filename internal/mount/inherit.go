package mount

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// errNoEstate is why a mount is given up of which its process had to say more.
var errNoEstate = errors.New("it does not say what its process knew")

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
	if l.clean && l.Estate == nil && cfg.hasEstate() {
		return nil, errNoEstate
	}
	// One that is closed by whoever serves, and one that is closed after an error.
	device, err := unix.FcntlInt(uintptr(l.device), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	cfg.Root, cfg.FS.PersonalReadOnly, cfg.Unasked = l.Root, l.Personal, true
	inherited := &inheritance{}
	cfg.FS.Inherited, cfg.FS.InheritedIn = inherited.has, inherited.in
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
	go m.forgetPages()
	return nil
}

// forgetPages has the kernel let go of what it keeps of each file that it knows from the
// process before, where it opens files by itself: nobody knows which version that is. Whoever
// reads asks for size and date before, as those were forgotten before anybody was answered,
// and pages of another size or date are gone with that. A message waits for pages that
// somebody is reading, so this is done while requests are answered.
func (m *Mount) forgetPages() {
	if !m.rooms.opensItself {
		return
	}
	for _, node := range m.rooms.kernel.Nodes() {
		select {
		case <-m.letGo:
			return
		default:
			m.rooms.notifier.InodeNotify(node, 0, 0)
		}
	}
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
// programs have open and has the kernel forget what it had from the process before. What
// that brings watchers can be told of.
func (m *Mount) catchUp(life context.Context) {
	select {
	case <-m.listened:
	case <-life.Done():
		return
	}
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
	if m.rooms.links { // or nobody would tell who watches a folder that nobody has used since
		m.rooms.kernel.Warm(warm.Done())
	}
	m.rooms.kernel.Reopen(warm.Done())
	m.rooms.forgetAll()
	m.rooms.tree.CatchUp()
	m.log.Info("caught up with what the server has", "mountpoint", m.point)
	m.confirm(life)
}
