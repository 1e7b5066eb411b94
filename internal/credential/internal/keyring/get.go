package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"
)

var (
	// ErrNone means that the keyring has no such item.
	ErrNone = errors.New("it is not in the keyring")

	// ErrLocked means that the item is there and nobody has unlocked the keyring.
	ErrLocked = errors.New("the keyring is locked")

	// ErrNoKeyring means that no keyring answers on the bus.
	ErrNoKeyring = errors.New("no keyring answers on the session bus")
)

// patience bounds all of [Get].
const patience = 3 * time.Second

// What is spoken of on the bus.
const (
	destination = "org.freedesktop.secrets"
	servicePath = "/org/freedesktop/secrets"
	ofService   = "org.freedesktop.Secret.Service."
	ofItem      = "org.freedesktop.Secret.Item."
)

// Get returns the text of the item that a program, which calls itself service, has stored
// for a user name. The errors wrap [ErrNone], [ErrLocked] or [ErrNoKeyring].
func Get(ctx context.Context, address, service, user string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// The library opens the connection without a bound, so that is for another goroutine.
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := get(ctx, address, map[string]string{"service": service, "username": user})
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrNoKeyring, ctx.Err())
	}
}

func get(ctx context.Context, address string, attributes map[string]string) ([]byte, error) {
	c, err := connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKeyring, err)
	}
	defer c.Close()
	call := func(at dbus.ObjectPath, method string, arguments ...any) *dbus.Call {
		// A keyring that does not run is not started for this.
		return c.Object(destination, at).CallWithContext(ctx, method, dbus.FlagNoAutoStart, arguments...)
	}
	// All collections are searched, whichever of them the item was put into.
	var unlocked, locked []dbus.ObjectPath
	if err := call(servicePath, ofService+"SearchItems", attributes).Store(&unlocked, &locked); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKeyring, err)
	}
	switch {
	case len(unlocked) > 0:
	case len(locked) > 0:
		return nil, ErrLocked
	default:
		return nil, ErrNone
	}
	// In plain text: the bus is a socket between processes of one user. The session ends with
	// the connection.
	var output dbus.Variant
	var session dbus.ObjectPath
	if err := call(servicePath, ofService+"OpenSession", "plain", dbus.MakeVariant("")).Store(&output, &session); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKeyring, err)
	}
	var item struct {
		Session     dbus.ObjectPath
		Parameters  []byte
		Value       []byte
		ContentType string
	}
	err = call(unlocked[0], ofItem+"GetSecret", session).Store(&item)
	if known, ok := errors.AsType[dbus.Error](err); ok && known.Name == "org.freedesktop.Secret.Error.IsLocked" {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKeyring, err)
	}
	return item.Value, nil
}

// connect connects to a bus that is there already.
func connect(ctx context.Context, address string) (*dbus.Conn, error) {
	c, err := dbus.Dial(address, dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	err = c.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))})
	if err == nil {
		err = c.Hello()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
