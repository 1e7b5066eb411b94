package mount

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Supervise tells the service manager, if one has started this process and
// wants to know (NOTIFY_SOCKET, a unit with Type=notify), that the mount
// answers; [Mount.Close] tells it of the end. Where the unit has WatchdogSec=
// (WATCHDOG_USEC), a ping follows each time that the mount has answered a
// question, twice in that time; a mount that answers too late, or that something
// else covers, gets none, and the manager starts it anew. Call it once, when New
// has returned. Telling can fail; that is logged, and the manager draws its
// conclusions. Where the manager keeps descriptors, it is given what the unit's next
// process needs to go on with the mount, see [Mount.Finish].
func (m *Mount) Supervise() {
	m.Keep() // before anybody may want a restart
	s := Supervised{
		Status: func() string { return fmt.Sprintf("%s on %s", m.shows, m.point) },
		Ask:    m.getattr,
		Log:    m.log.With("mountpoint", m.point),
	}
	if m.foreign {
		s.Ask = nil // where the mount is, so that it could be asked, is not known
	}
	m.supervised.Store(s.Begin(m.ended))
}

// Supervised is a process that a service manager may watch, whatever it serves. It is
// for a process with several mounts what [Mount.Supervise] is for one with one.
type Supervised struct {
	Status func() string // what it serves, for people
	Ask    func() error  // asks a mount; nil: the watchdog is off
	Log    *slog.Logger
}

// Begin tells the service manager that the process is ready, and reports whether there is
// one. Then the watchdog is told, if there is one, each time that Ask has answered in
// time, until done is closed.
func (s Supervised) Begin(done <-chan struct{}) bool {
	if !s.tell(daemon.SdNotifyReady + "\nSTATUS=" + s.Status()) {
		return false
	}
	timeout, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.Log.Warn("the watchdog is off", "error", err)
	}
	if timeout <= 0 {
		return true
	}
	if s.Ask == nil {
		s.Log.Warn("the watchdog is off: there is nothing that could be asked")
		return true
	}
	go heartbeat(done, timeout/2, s.Ask, func(late error) {
		if late != nil {
			s.Log.Error("the mount does not answer", "error", late)
			s.tell("STATUS=the mount does not answer: " + late.Error())
			return
		}
		s.tell(daemon.SdNotifyWatchdog + "\nSTATUS=" + s.Status())
	})
	return true
}

// End tells the service manager that the process is ending.
func (s Supervised) End() { s.tell(daemon.SdNotifyStopping) }

// tell sends state to the service manager and reports whether there is one that
// got it.
func (s Supervised) tell(state string) bool {
	sent, err := daemon.SdNotify(false, state)
	if err != nil {
		s.Log.Warn("the service manager cannot be told", "error", err)
	}
	return sent
}

// heartbeat asks at once and then every so often until done is closed, and says
// how it went: nil if the answer came before the next question was due. While
// an answer is missing nothing else is asked: a question that hangs holds a
// thread.
func heartbeat(done <-chan struct{}, every time.Duration, ask func() error, say func(error)) {
	next := time.NewTicker(every)
	defer next.Stop()
	answers := make(chan error, 1)
	for {
		late := false
		go func() { answers <- ask() }()
		for waiting := true; waiting; {
			select {
			case err := <-answers:
				if !late {
					say(err)
				}
				waiting = false
			case <-next.C:
				late = true
				say(context.DeadlineExceeded)
			case <-done:
				return
			}
		}
		if late {
			continue
		}
		select {
		case <-next.C:
		case <-done:
			return
		}
	}
}
