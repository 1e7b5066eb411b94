package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Unit is what the manager says of the unit that this process belongs to.
type Unit struct {
	Name   string // infisicalfs@shop.service
	Job    string // what is being done with it: start, stop, restart and the like; "": nothing
	Stored int    // how many descriptors the manager keeps for it
}

// Restarts reports whether another process of the unit follows as soon as this one has
// ended, because somebody wants that. A start is the second half of a restart, or follows
// upon a stop that is still going on. After a stop, and after a signal that is not the
// manager's, nobody can know.
func (u Unit) Restarts() bool {
	switch u.Job {
	case "restart", "try-restart", "start":
		return true
	}
	return false
}

// askFor bounds [Ask]: whoever asks is about to end, and is waited for.
const askFor = 2 * time.Second

// What is spoken of on the manager's bus.
const (
	destination  = "org.freedesktop.systemd1"
	managerPath  = "/org/freedesktop/systemd1"
	unitByPID    = destination + ".Manager.GetUnitByPID"
	ping         = "org.freedesktop.DBus.Peer.Ping"
	getProperty  = "org.freedesktop.DBus.Properties.Get"
	ofUnit       = destination + ".Unit"
	ofService    = destination + ".Service"
	ofJob        = destination + ".Job"
	noSuchObject = "org.freedesktop.DBus.Error.UnknownObject"
)

// Ask asks the manager about the unit of this process, for two seconds at most. The error
// is [ErrNoManager] where there is none. No manager is started by asking.
func Ask(ctx context.Context) (Unit, error) {
	socket := os.Getenv(socketVariable)
	if socket == "" {
		return Unit{}, ErrNoManager
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	var failures []error
	for _, way := range ways(socket) {
		u, err := way.ask(ctx)
		if err == nil {
			return u, nil
		}
		failures = append(failures, err)
	}
	return Unit{}, fmt.Errorf("the service manager does not answer: %w", errors.Join(failures...))
}

// way is one to a manager.
type way struct {
	address string
	bus     bool // by way of a message bus, and not to the manager itself
}

// ways returns those to the manager that is told things at socket. Its own socket, which
// takes its user and root only, is the first: it is there before the bus and after it.
func ways(socket string) (list []way) {
	at := func(path string) string { return "unix:path=" + dbus.EscapeBusAddressValue(path) }
	if filepath.IsAbs(socket) {
		list = append(list, way{address: at(filepath.Join(filepath.Dir(socket), "private"))})
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" || !strings.HasPrefix(socket, runtime+"/") {
		return append(list, way{address: firstOf("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket"), bus: true})
	}
	return append(list, way{address: firstOf("DBUS_SESSION_BUS_ADDRESS", at(filepath.Join(runtime, "bus"))), bus: true})
}

func firstOf(variable, otherwise string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return otherwise
}

func (w way) ask(ctx context.Context) (Unit, error) {
	// The library opens the connection without a bound, so that is for another goroutine.
	type answer struct {
		unit Unit
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		u, err := w.talk(ctx)
		answers <- answer{u, err}
	}()
	select {
	case a := <-answers:
		return a.unit, a.err
	case <-ctx.Done():
		return Unit{}, ctx.Err()
	}
}

func (w way) talk(ctx context.Context) (u Unit, err error) {
	// A program to be started could stand in the address, also behind another.
	if !strings.HasPrefix(w.address, "unix:") || strings.Contains(w.address, ";") {
		return u, fmt.Errorf("%q is no local bus", w.address)
	}
	c, err := dbus.Dial(w.address, dbus.WithContext(ctx))
	if err != nil {
		return u, err
	}
	defer c.Close()
	if err := c.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))}); err != nil {
		return u, err
	}
	if w.bus {
		if err := c.Hello(); err != nil {
			return u, err
		}
	}
	object := func(path dbus.ObjectPath) talker { return talker{ctx, c.Object(destination, path)} }
	defer nudge(c)()
	var at dbus.ObjectPath
	if err := object(managerPath).call(unitByPID, uint32(os.Getpid())).Store(&at); err != nil {
		return u, err
	}
	unit := object(at)
	if err := unit.property(ofUnit, "Id", &u.Name); err != nil {
		return u, err
	}
	var stored uint32
	if err := unit.property(ofService, "NFileDescriptorStore", &stored); err != nil {
		return u, err
	}
	u.Stored = int(stored)
	u.Job, err = job(unit, object)
	return u, err
}

// nudgeEach is far below [askFor], and far above what an answer takes.
const nudgeEach = 20 * time.Millisecond

// nudge sends something that wants no answer, again and again, until it is told to stop.
// Of what systemd has read together with the end of the greeting it thinks when there is
// more to read, so the first question could wait for ever.
func nudge(c *dbus.Conn) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(nudgeEach)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				c.Object(destination, managerPath).Go(ping, dbus.FlagNoReplyExpected|dbus.FlagNoAutoStart, nil)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// job returns what is being done with a unit. What is done by the time that it is asked
// for is nothing any more.
func job(unit talker, object func(dbus.ObjectPath) talker) (string, error) {
	var job struct {
		ID   uint32
		Path dbus.ObjectPath
	}
	if err := unit.property(ofUnit, "Job", &job); err != nil || job.ID == 0 {
		return "", err
	}
	var kind string
	err := object(job.Path).property(ofJob, "JobType", &kind)
	if known, ok := errors.AsType[dbus.Error](err); ok && known.Name == noSuchObject {
		return "", nil
	}
	return kind, err
}

// talker is an object on a bus, asked within a bound.
type talker struct {
	ctx    context.Context
	object dbus.BusObject
}

func (t talker) call(method string, arguments ...any) *dbus.Call {
	return t.object.CallWithContext(t.ctx, method, dbus.FlagNoAutoStart, arguments...)
}

func (t talker) property(of, name string, value any) error {
	var v dbus.Variant
	if err := t.call(getProperty, of, name).Store(&v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return dbus.Store([]any{v.Value()}, value)
}
