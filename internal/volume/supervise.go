package volume

import (
	"fmt"
	"log/slog"
	"slices"

	"infisicalfs/internal/mount"
)

// Supervise tells the service manager, if one has started this process and wants to know, that
// the volumes are served; [Manager.Close] tells it of the end. What the next process needs of each
// volume is with it by then, see legacy.go. With a watchdog one volume is
// asked after the other, one each time: what keeps one from being answered is either that
// mount's own trouble, or the process's, and then the next ones do not answer either. Call
// it once.
func (m *Manager) Supervise() {
	turn := 0
	s := mount.Supervised{Log: m.log, Status: m.summary, Ask: func() error {
		turn++
		return m.askOne(turn)
	}}
	if s.Begin(m.life.Done()) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.supervised = true
	}
}

// summary is what is served, for people.
func (m *Manager) summary() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	mounted := 0
	for _, v := range m.volumes {
		if v.mount != nil {
			mounted++
		}
	}
	return fmt.Sprintf("%d volumes, %d mounted", len(m.volumes), mounted)
}

// askOne asks one of the mounts. That there is none is an answer, too.
func (m *Manager) askOne(turn int) error {
	m.mu.Lock()
	var names []string
	for name, v := range m.volumes {
		if v.mount != nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		m.mu.Unlock()
		return nil
	}
	slices.Sort(names)
	v := m.volumes[names[turn%len(names)]]
	mounted := v.mount
	m.mu.Unlock()
	err := mounted.Answers()
	select {
	case <-mounted.Done():
		return nil // it was unmounted meanwhile
	default:
	}
	if err != nil {
		v.log.Error("the volume does not answer", slog.Any("error", err))
	}
	return err
}

// ends tells the service manager, if it was told of the beginning.
func (m *Manager) ends() {
	m.mu.Lock()
	supervised := m.supervised
	m.mu.Unlock()
	if supervised {
		mount.Supervised{Log: m.log}.End()
	}
}
