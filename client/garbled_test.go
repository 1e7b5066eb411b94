package client_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

const garbledList = `{"secrets":[{"id":"1","version":1,"secretPath":"/","secretKey":"GOOD","secretValue":"fine"},` +
	`{"id":"2","version":1,"secretPath":"/","secretKey":"BAD","secretValue":"ab` + "\xff" + `"},` +
	`{"id":"3","version":1,"secretPath":"/","secretKey":"HALF","secretValue":"\ud800"},` +
	`{"id":"4","version":1,"secretPath":"/","secretKey":"N` + "\xff" + `","secretValue":"fine"},` +
	`{"id":"5","version":-4,"secretPath":"/","secretKey":"OLD","secretValue":"fine"}],"imports":[],"folders":[]}`

// What is no text is not shown as something else: such a secret is an error, and
// the others of the folder are as they were. One line in the log says so.
func TestWhatIsNoTextIsNotShown(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		var log bytes.Buffer
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", func(c *client.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		w.fetch(t, dev)
		w.Inject(devserver.Fault{Status: 200, Body: garbledList})
		log.Reset()
		f := w.fetch(t, dev)
		require.Equal(t, "fine", value(t, f, "GOOD"))
		for _, name := range []string{"BAD", "HALF", "N\xff", "OLD"} {
			s, ok := f.Secret(name)
			require.True(t, ok, "%q", name)
			require.True(t, s.Garbled && s.Hidden, name)
			require.Zero(t, s.Value.Len())
		}
		require.Len(t, f.Secrets, 5)
		require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
		require.Contains(t, log.String(), "count=4")
		require.NotContains(t, log.String(), "fine")
		require.EqualValues(t, 4, w.client.Stats().Garbled)
	})
}

// A write is based on what is stored; that must not be made up either.
func TestASingleAnswerThatIsNoText(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		for _, value := range []string{"\"ab\xff\"", `"\udc00x"`, `"a","secretValue":"b"`} {
			w := newWorld(t, devserver.Config{Profile: profile}, "admin", nil)
			w.fetch(t, dev)
			w.Inject(devserver.Fault{Status: 200, Body: `{"secret":{"id":"1","secretKey":"GREETING","secretValue":` + value + `}}`})
			_, err := w.client.Stored(t.Context(), dev, "GREETING")
			require.ErrorIs(t, err, secret.ErrUnavailable, value)
		}
	})
}

// Names of folders go into paths. One that cannot is left out and named.
func TestAFolderWhoseNameIsNoText(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, devserver.Config{}, "viewer", func(c *client.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	w.fetch(t, dev)
	w.Inject(devserver.Fault{
		Status: 200, Body: `{"secrets":[{"secretKey":"A","secretValue":"v"}],"folders":[{"id":"1","name":"good"},{"id":"2","name":"b` + "\xff" + `d"}]}`,
	})
	f := w.fetch(t, dev)
	_, folders := names(f)
	require.Equal(t, []string{"good"}, folders)
	require.Contains(t, log.String(), "left out")
}
