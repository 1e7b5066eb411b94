package keyring_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/clitest"
	"infisicalfs/internal/credential/internal/keyring"
)

const service, user = "infisical-cli", "a.b+c@example.com"

func TestAnItemIsRead(t *testing.T) {
	k := clitest.NewKeyring(t)
	k.Store(user, "canary")
	text, err := keyring.Get(t.Context(), k.Address(), service, user)
	require.NoError(t, err)
	require.Equal(t, "canary", string(text))
	// Nothing is started, unlocked or asked of anybody.
	require.Equal(t, []string{"SearchItems", "OpenSession", "GetSecret"}, k.Asked())
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*clitest.Keyring)
		want error
	}{
		{"empty", func(*clitest.Keyring) {}, keyring.ErrNone},
		{"somebody else's", func(k *clitest.Keyring) { k.Store("b@example.com", "canary") }, keyring.ErrNone},
		{"locked", func(k *clitest.Keyring) { k.Store(user, "canary"); k.Lock() }, keyring.ErrLocked},
		{"no keyring on the bus", (*clitest.Keyring).Leave, keyring.ErrNoKeyring},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := clitest.NewKeyring(t)
			c.set(k)
			_, err := keyring.Get(t.Context(), k.Address(), service, user)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, []string{"SearchItems"}, k.Asked())
		})
	}
}

func TestAKeyringThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	k := clitest.NewKeyring(t)
	k.Mute()
	// It is given up without an end of the caller's.
	_, err := keyring.Get(t.Context(), k.Address(), service, user)
	require.ErrorIs(t, err, keyring.ErrNoKeyring)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	// Nor does a bus that takes the connection and says nothing keep anybody longer.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer listener.Close()
	_, err = keyring.Get(ctx, "unix:path="+path, service, user)
	require.ErrorIs(t, err, keyring.ErrNoKeyring)

	_, err = keyring.Get(t.Context(), "unix:path=/nowhere/bus", service, user)
	require.ErrorIs(t, err, keyring.ErrNoKeyring)
}

func TestWhereTheBusIs(t *testing.T) {
	k := clitest.NewKeyring(t)
	file := filepath.Join(t.TempDir(), "bus")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct{ address, dir, want string }{
		{"unix:path=/run/x/bus,guid=12", "", "unix:path=/run/x/bus,guid=12"},
		{"tcp:host=example.com,port=1;unix:path=/b", "", "unix:path=/b"},
		{"unixexec:path=/bin/sh,argv1=-c", filepath.Dir(k.Path()), ""}, // starts nothing
		{"autolaunch:", filepath.Dir(k.Path()), ""},
		{"", filepath.Dir(k.Path()), k.Address()},
		{"", filepath.Dir(file), ""}, // is no socket
		{"", t.TempDir(), ""},
	} {
		got, err := keyring.Address(func(name string) (string, bool) {
			text := map[string]string{"DBUS_SESSION_BUS_ADDRESS": c.address, "XDG_RUNTIME_DIR": c.dir}[name]
			return text, text != ""
		})
		if c.want == "" {
			require.ErrorIs(t, err, keyring.ErrNoBus)
		}
		require.Equal(t, c.want, strings.TrimSpace(got))
	}
}
