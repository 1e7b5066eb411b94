package mount

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/internal/mount/internal/kernelstate"
)

// What a process that wants to go on with the mount says of itself, see [replaceable].
const (
	wordSettings = "settings" // its Config.Settings
	wordVersion  = "version"  // of the program
)

// How long the parts of handing over may take. While the first lasts everybody is
// answered; the others together are how long a request may have to wait.
const (
	prepareFor = 2 * time.Minute // until the next process has read what it needs
	quietFor   = 2 * time.Second // until nothing is here that the server has not
	drainFor   = 2 * time.Second // until what was read is answered
	serveFor   = 2 * time.Second // until the next process serves
	endFor     = time.Second     // until one that did not has ended by itself
)

// replaceable is what says no to a process that could not go on with the mount so that
// nobody notices. It is made by serve.
func (m *Mount) replaceable(cfg Config) func(from control.Peer, words map[string]string) error {
	return func(from control.Peer, words map[string]string) error {
		refuse := func(hint, format string, of ...any) error {
			return &control.Error{Text: fmt.Sprintf(format, of...), Hint: hint, Code: exitcode.Mountpoint}
		}
		anew := "infisicalfs unmount " + m.point + " and mount again"
		switch {
		case from.UID != uint32(os.Geteuid()):
			return refuse("do it as user "+strconv.Itoa(os.Geteuid()), "%s is served by a process of user %d", m.point, os.Geteuid())
		case from.PID == 0:
			return refuse("do it where the mount was made", "%s is served in another process namespace", m.point)
		case m.supervised.Load():
			return refuse("restart its unit with systemctl", "%s is served for a service manager, which would take the end of that process for the end of the mount", m.point)
		case cfg.Hub != nil:
			return refuse("restart that process", "%s is served by a process that has other mounts too", m.point)
		case cfg.Settings == "" || words[wordSettings] != cfg.Settings:
			return refuse("give the same options and the same identity, or "+anew, "%s is not mounted with the same options, or that cannot be known", m.point)
		}
		return nil
	}
}

// handOver is asked by a process that wants to go on with the mount.
func (m *Mount) handOver(_ context.Context, from control.Peer, words map[string]string) (any, error) {
	if err := m.mayReplace(from, words); err != nil {
		return nil, err
	}
	return control.Stream(func(c *net.UnixConn) {
		defer c.Close()
		if !m.offered.TryLock() {
			refuse(c, &handover.Refusal{Text: "another process is about to go on with " + m.point})
			return
		}
		defer m.offered.Unlock()
		next, err := watchProcess(from.PID)
		if err == nil {
			defer next.close()
			err = m.handTo(c, next)
		}
		if err != nil {
			m.log.Warn("another process did not go on with the mount", "mountpoint", m.point, "pid", from.PID, "version", words[wordVersion], "error", err)
			return
		}
		m.log.Info("another process goes on with the mount", "mountpoint", m.point, "pid", from.PID, "version", words[wordVersion])
	}), nil
}

// refuse says why the mount stays here, and returns that.
func refuse(c *net.UnixConn, why *handover.Refusal) error {
	_ = handover.Send(c, handover.Message{Refusal: why}, -1) // the end of the connection says it too
	return why
}

// handTo offers the mount to the process at the other end, and stops serving it when
// that process serves. After an error the mount is served here.
func (m *Mount) handTo(c *net.UnixConn, next *process) error {
	_ = c.SetDeadline(time.Now().Add(prepareFor))
	hello, _, err := handover.Receive(c)
	if err != nil {
		return err
	}
	format, ok := handover.Choose(hello.Hello)
	if !ok || format < m.leastFormat() {
		return refuse(c, &handover.Refusal{
			Text: fmt.Sprintf("the process that serves %s and this one have no version in common", m.point),
			Hint: "infisicalfs unmount " + m.point + " and mount again",
		})
	}
	err = m.holding(func() error {
		return handover.Send(c, m.state(format, m.rooms.kernel.ExportNodes(), m.numbers()), m.rooms.session.Device())
	})
	if err == nil {
		err = handover.Await(c, handover.Ready)
	}
	if err != nil {
		return err
	}
	if err := m.awaitQuiet(); err != nil {
		return refuse(c, m.notQuiet(err))
	}
	return m.holding(func() error {
		_ = c.SetDeadline(time.Now().Add(drainFor + serveFor))
		m.rooms.stopEmitThread() // it waits for answers of this process
		err := m.stopServing(c, next, format)
		if err == nil {
			m.rooms.session.Leave()
			return nil
		}
		if again := m.rooms.session.Resume(); again != nil {
			m.log.Error("the mount cannot be served any longer", "mountpoint", m.point, "error", again)
		}
		m.watch()
		return err
	})
}

// leastFormat is that in which all can be said that the next process has to know and do.
func (m *Mount) leastFormat() int {
	switch {
	case m.rooms.links, m.rooms.opensItself:
		return handover.Linked
	case m.rooms.writable:
		return handover.Whole
	}
	return 0
}

// holding calls do while the mount is served here and nobody else decides about that.
func (m *Mount) holding(do func() error) error {
	m.handing.Lock()
	defer m.handing.Unlock()
	if m.unmounting {
		return errors.New("the mount ends")
	}
	return do()
}

// keep has nobody go on with the mount any more, and reports whether somebody has.
func (m *Mount) keep() (gone bool) {
	m.handing.Lock()
	defer m.handing.Unlock()
	m.unmounting = true
	return m.rooms.session.Left()
}

// endSession gives up the connection once nothing is served on it any more.
func (m *Mount) endSession() {
	m.handing.Lock()
	defer m.handing.Unlock()
	m.unmounting = true
	m.rooms.session.Close()
}

// stopServing answers what was read, and waits until the next process serves. After an
// error that process serves no more.
func (m *Mount) stopServing(c *net.UnixConn, next *process, format int) error {
	if !m.rooms.session.Drain(drainFor) {
		return refuse(c, &handover.Refusal{Text: "a request takes long to answer in " + m.point, Hint: "try again when the server answers"})
	}
	estate, err := m.estate()
	if err != nil {
		return refuse(c, m.notQuiet(err))
	}
	err = m.sendLast(c, format, estate)
	if err == nil {
		_ = c.SetReadDeadline(time.Now().Add(serveFor))
		err = handover.Await(c, handover.Serving)
	}
	if err != nil {
		c.Close()
		next.end(endFor)
		m.takeBack()
	}
	return err
}

// sendLast says what the next process has to know when nothing is served here any more.
func (m *Mount) sendLast(c *net.UnixConn, format int, estate *fs.Estate) error {
	known := -1
	if format >= handover.Knowing {
		known = m.seal(knownForReplacement)
	}
	if known >= 0 {
		defer unix.Close(known)
	}
	return handover.Send(c, m.state(format, m.rooms.kernel.Export(), estate), known)
}

// takeBack has the kernel ask again what a process that is dead has read and has not
// answered; what that may have carried out is known by its mark, see resent.go of
// kernelstate. A kernel that cannot (before Linux 6.9) would wait for ever: there the
// connection is given up.
func (m *Mount) takeBack() {
	m.rooms.kernel.Passed()
	if err := m.rooms.session.Resend(); err != nil {
		m.log.Error("what another process has read is lost, and with it the mount", "mountpoint", m.point, "error", err)
		if err := attach.Abort(m.device); err != nil {
			m.log.Error("the connection cannot be ended", "mountpoint", m.point, "error", err)
		}
	}
}

// estate is what this process knows of the mount besides what the kernel has; nil if that is
// nothing. The error says what cannot travel.
func (m *Mount) estate() (*fs.Estate, error) {
	if !m.rooms.hasEstate() {
		return nil, nil
	}
	return m.rooms.tree.Estate()
}

// numbers is what of the estate is known at any time; nil if that is nothing.
func (m *Mount) numbers() *fs.Estate {
	if !m.rooms.hasEstate() {
		return nil
	}
	return m.rooms.tree.Numbers()
}

// awaitQuiet waits until all that is here could travel. Everybody is served meanwhile.
func (m *Mount) awaitQuiet() error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for over := time.After(quietFor); ; {
		_, err := m.estate()
		if err == nil {
			return nil
		}
		select {
		case <-over:
			return err
		case <-again.C:
		}
	}
}

func (m *Mount) notQuiet(err error) *handover.Refusal {
	return &handover.Refusal{Text: fmt.Sprintf("%s has what its process alone knows: %v", m.point, err), Hint: "try again when that is written, sent or removed; 'infisicalfs status' shows it"}
}

// state is the message with what the next process has to know.
func (m *Mount) state(format int, kernel *kernelstate.State, estate *fs.Estate) handover.Message {
	return handover.Message{Document: m.documented(format, kernel, estate)}
}

// documented is what the next process has to know.
func (m *Mount) documented(format int, kernel *kernelstate.State, estate *fs.Estate) *handover.Document {
	return &handover.Document{
		Format:     format,
		Connection: m.device,
		Greeting:   m.rooms.session.Greeting(),
		Kernel:     *kernel,
		Estate:     estate,
		Root:       m.rooms.root,
		Knows:      m.knowsRoot(),
	}
}

// sameNamespace fails if another process has other mounts than this one.
func sameNamespace(pid int) error {
	ours, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return err
	}
	theirs, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/mnt")
	if errors.Is(err, os.ErrPermission) { // nobody but root may see that of a process that cannot be traced
		ours, theirs, err = rootMounts(pid)
	}
	if err != nil {
		return err
	}
	if ours != theirs {
		return errors.New("it is in another mount namespace")
	}
	return nil
}

// rootMounts returns the numbers of the mounts on which this process and another one have
// their root directories. No two mounts of a machine have one number, in whatever namespaces.
func rootMounts(pid int) (ours, theirs string, err error) {
	number := func(process string) string {
		var text []byte
		if err == nil {
			text, err = os.ReadFile("/proc/" + process + "/mountinfo")
		}
		first, _, found := strings.Cut(string(text), " ")
		if err == nil && !found {
			err = fmt.Errorf("process %s shows no mounts", process)
		}
		return first
	}
	return number("self"), number(strconv.Itoa(pid)), err
}

// isConnection fails if a descriptor is none of that FUSE connection. Before Linux 6.18
// the kernel does not say.
func isConnection(descriptor, connection int) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", descriptor))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if number, ok := strings.CutPrefix(line, "fuse_connection:"); ok && strings.TrimSpace(number) != strconv.Itoa(connection) {
			return fmt.Errorf("the descriptor is of connection %s and not %d", strings.TrimSpace(number), connection)
		}
	}
	return nil
}
