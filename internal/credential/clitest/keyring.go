package clitest

import (
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/dbustest"
)

// Keyring plays the desktop's keyring, and the bus that it is on, with one item at most.
type Keyring struct {
	listener net.Listener

	mu     sync.Mutex // guards what follows
	user   string
	text   string
	locked bool
	mute   bool
	absent bool
	asked  []string
}

// NewKeyring begins to listen, until the test ends. It has nothing in it.
func NewKeyring(t testing.TB) *Keyring {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "bus"))
	require.NoError(t, err)
	k := &Keyring{listener: listener}
	var group sync.WaitGroup
	group.Go((&dbustest.Server{Listener: listener, Answer: k.answer}).Serve)
	t.Cleanup(func() {
		listener.Close()
		group.Wait()
	})
	return k
}

// Path is where the bus listens.
func (k *Keyring) Path() string { return k.listener.Addr().String() }

// Address is the same as D-Bus writes it: DBUS_SESSION_BUS_ADDRESS.
func (k *Keyring) Address() string { return "unix:path=" + dbus.EscapeBusAddressValue(k.Path()) }

// Store puts the one item into it.
func (k *Keyring) Store(user, text string) {
	k.change(func() { k.user, k.text = user, text })
}

// Lock locks what is in it.
func (k *Keyring) Lock() { k.change(func() { k.locked = true }) }

// Mute has it answer nothing any more. Its bus still does.
func (k *Keyring) Mute() { k.change(func() { k.mute = true }) }

// Leave has the bus be there without a keyring.
func (k *Keyring) Leave() { k.change(func() { k.absent = true }) }

// Asked lists the calls so far, those that would start a keyring marked with "start ".
func (k *Keyring) Asked() (list []string) {
	k.change(func() { list = append(list, k.asked...) })
	return list
}

func (k *Keyring) change(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
}

// answer returns nil for a question that gets none.
func (k *Keyring) answer(question *dbus.Message) *dbus.Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	member := dbustest.Member(question)
	if member == "Hello" {
		return dbustest.Reply(question, ":1.7")
	}
	if question.Flags&dbus.FlagNoAutoStart == 0 {
		member = "start " + member
	}
	k.asked = append(k.asked, member)
	switch {
	case k.mute:
		return nil
	case k.absent:
		return dbustest.Fail(question, "org.freedesktop.DBus.Error.NameHasNoOwner")
	}
	body := k.say(member, question.Body)
	if body == nil {
		return dbustest.Fail(question, dbustest.UnknownMethod)
	}
	return dbustest.Reply(question, body...)
}

// item is what a keyring says of one, by the Secret Service's own words.
type item struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

const sessionPath dbus.ObjectPath = "/org/freedesktop/secrets/session/s1"

func (k *Keyring) say(member string, body []any) []any {
	switch member {
	case "SearchItems":
		unlocked, locked := []dbus.ObjectPath{}, []dbus.ObjectPath{}
		attributes, _ := body[0].(map[string]string)
		list := &unlocked
		if k.locked {
			list = &locked
		}
		if k.user != "" && attributes["username"] == k.user && attributes["service"] == "infisical-cli" {
			*list = append(*list, "/org/freedesktop/secrets/collection/login/1")
		}
		return []any{unlocked, locked}
	case "OpenSession":
		if body[0] == "plain" {
			return []any{dbus.MakeVariant(""), sessionPath}
		}
	case "GetSecret":
		if body[0] == sessionPath && !k.locked {
			return []any{item{sessionPath, []byte{}, []byte(k.text), "text/plain; charset=utf8"}}
		}
	}
	return nil
}
