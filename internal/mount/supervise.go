package mount

import (
	"context"
	"fmt"
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
// conclusions.
func (m *Mount) Supervise() {
	well := fmt.Sprintf("STATUS=%s on %s", m.shows, m.point)
	if !m.tell(daemon.SdNotifyReady + "\n" + well) {
		return
	}
	m.supervised.Store(true)
	timeout, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn("the watchdog is off", "error", err)
	}
	if timeout <= 0 {
		return
	}
	if m.foreign {
		m.log.Warn("the watchdog is off: where the mount is, so that it could be asked, is not known", "mountpoint", m.point)
		return
	}
	go heartbeat(m.ended, timeout/2, m.getattr, func(late error) {
		if late != nil {
			m.log.Error("the mount does not answer", "mountpoint", m.point, "error", late)
			m.tell("STATUS=the mount does not answer: " + late.Error())
			return
		}
		m.tell(daemon.SdNotifyWatchdog + "\n" + well)
	})
}

// tell sends state to the service manager and reports whether there is one that
// got it.
func (m *Mount) tell(state string) bool {
	sent, err := daemon.SdNotify(false, state)
	if err != nil {
		m.log.Warn("the service manager cannot be told", "error", err)
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
