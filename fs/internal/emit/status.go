package emit

import (
	"crypto/rand"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
)

// Mode says how watchers are told of changes that others made.
type Mode string

const (
	Full   Mode = "full"   // as if somebody here had written, created, removed
	Attrib Mode = "attrib" // by setting dates only, which the owner of a file may do whatever its mode is
	Off    Mode = "off"
)

// Known reports whether m is one of the above.
func (m Mode) Known() bool { return m == Full || m == Attrib || m == Off }

// Tells reports whether watchers are to be told of anything.
func (m *Emitter[D]) Tells() bool {
	return m.cfg.Thread != nil && m.cfg.Mode != Off && m.cfg.Mode != ""
}

// inForce is what can be done of what was asked for. Root may do everything;
// others can set dates of what they own, and the rest only where the modes let
// them write.
func (m *Emitter[D]) inForce() Mode {
	c := &m.cfg
	switch {
	case !m.Tells():
		return Off
	case os.Geteuid() == 0:
		return c.Mode
	case c.UID != c.OwnerUID:
		return Off
	case c.FileMode&0o200 == 0 || c.DirMode&0o300 != 0o300:
		return Attrib
	}
	return c.Mode
}

// Counts say how watchers are told of changes that others made. Numbers are since
// the start.
type Counts struct {
	Mode    Mode   `json:"mode"`             // as asked for
	InForce Mode   `json:"in_force"`         // as far as owner and modes let it
	Reason  string `json:"reason,omitempty"` // why they differ
	Told    uint64 `json:"told"`             // names that watchers were told of
	Failed  uint64 `json:"failed"`           // names that they could not be told of
	Error   string `json:"error,omitempty"`  // why, the last time
}

// Counts returns what happened so far; nil if nothing was asked for.
func (m *Emitter[D]) Counts() *Counts {
	if m.cfg.Mode == "" {
		return nil
	}
	c := &Counts{Mode: m.cfg.Mode, InForce: m.inForce(), Told: m.told.Load(), Failed: m.failed.Load()}
	switch {
	case c.InForce == c.Mode:
	case m.cfg.Thread == nil:
		c.Reason = "there is no mount to do it through"
	case c.InForce == Off:
		c.Reason = "the files belong to another user"
	default:
		c.Reason = "the files and directories are not writable for their owner"
	}
	if text := m.lastError.Load(); text != nil {
		c.Error = *text
	}
	return c
}

// count counts an event and what became of it.
func (m *Emitter[D]) count(e *Event, err error) {
	switch {
	case err == nil:
		m.told.Add(1)
	case errors.Is(err, syscall.ENOTCONN): // nobody watches what is no longer mounted
	default:
		m.failed.Add(1)
		text := err.Error()
		m.lastError.Store(&text)
		m.cfg.Log.Debug("watchers were not told", "dir", e.Dir.String(), "name", e.Shown, "error", err)
	}
}

// probe is a lookup of a name that nobody can guess, by the thread that is going
// to emit events. Unless that request names the thread, its requests would be taken
// for somebody's wish, and a writable file system would fulfil it on the server.
type probe struct {
	name   string
	caller atomic.Uint32
}

// recognises reports whether requests by the calling thread name it.
func (m *Emitter[D]) recognises(root int, thread uint32) bool {
	if thread != 0 && m.recognised.Load() == thread {
		return true
	}
	p := &probe{name: m.cfg.Probe + rand.Text()}
	m.probe.Store(p)
	defer m.probe.Store(nil)
	lookFor(root, p.name)
	if thread == 0 || p.caller.Load() != thread {
		return false
	}
	m.recognised.Store(thread)
	return true
}

// Probed reports whether name, which a thread looks up in the root, is that of the
// probe. It does not exist.
func (m *Emitter[D]) Probed(thread uint32, name string) bool {
	p := m.probe.Load()
	if p == nil || name != p.name {
		return false
	}
	p.caller.Store(thread)
	return true
}
