package client_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// What is between us and the server may answer in its place. None of it may be
// taken for an absence, and all of it must end within the deadline.
func TestFaultsAreNeverAbsences(t *testing.T) {
	faults := map[string]devserver.Fault{
		"page 404":    {Status: 404, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>not found</html>"},
		"page 200":    {Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>log in</html>"},
		"gateway 404": {Status: 404, Body: `{"message":"no Route matched with those values"}`},
		"plain 404":   {Status: 404, Body: "404 page not found", Header: http.Header{"Content-Type": {"text/plain"}}},
		"gateway 407": {Status: 407, Body: `{"message":"who are you"}`},
		"304":         {Status: 304},
		"some JSON":   {Status: 200, Body: `{"status":"ok"}`},
		"null":        {Status: 200, Body: "null\n"},
		"nulls":       {Status: 200, Body: `{"secrets":null,"folders":null,"projects":null,"workspaces":null}`},
		"garbage":     {Status: 200, Body: "{\"secrets\": [{"},
		"wrong shape": {Status: 200, Body: `{"secrets": "none", "folders": 7}`},
		"empty":       {Status: 200, Body: ""},
		"500":         {Status: 500, Body: `{"error":"InternalServerError","message":"x"}`},
		"502":         {Status: 502, Body: "bad gateway"},
		"503":         {Status: 503, Body: `{"message":"starting"}`},
		"302":         {Status: 302, Header: http.Header{"Location": {"https://login.example.com/"}}},
		"reset":       {Reset: true},
		"truncated":   {Truncate: 10},
		"hang":        {Hang: true},
	}
	each(t, func(t *testing.T, profile devserver.Profile) {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
					w.fetch(t, dev)
					remove := w.Inject(fault)
					began := time.Now()
					for _, dir := range []secret.Dir{dev, {}, {Project: "demo"}} {
						_, err := w.client.Fetch(t.Context(), dir, nil)
						require.Error(t, err, dir)
						require.NotErrorIs(t, err, secret.ErrNotFound, dir)
						require.NotErrorIs(t, err, secret.ErrDenied, dir)
						require.NotErrorIs(t, err, secret.ErrUnauthenticated, dir)
					}
					_, err := w.client.Tree(t.Context(), dev, nil)
					require.Error(t, err)
					require.NotErrorIs(t, err, secret.ErrNotFound)
					require.NotErrorIs(t, err, secret.ErrInexact)
					remove()
					require.Less(t, time.Since(began), 60*time.Second)
					require.Equal(t, "hello, world", value(t, w.fetch(t, dev), "GREETING"), "works again at once")
				})
			})
		}
	})
}

// A value that the server did not send is not the empty value.
func TestAMissingValueIsNotAnEmptyOne(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.fetch(t, dev)
	for _, value := range []string{`{"secretKey":"K"}`, `{"secretKey":"K","secretValue":null}`} {
		remove := w.Inject(devserver.Fault{Status: 200, Body: `{"secrets":[` + value + `],"folders":[]}`})
		hidden(t, w.fetch(t, dev), "K")
		remove()
	}
}

// The server vouches for values for fifteen minutes; that a folder was made
// beside them does not renew it.
func TestNewFoldersDoNotRenewTheTrustInValues(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	first := w.fetch(t, dev)
	w.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/beside") })
	again, err := w.client.Fetch(t.Context(), dev, first)
	require.NoError(t, err)
	require.Len(t, again.Folders, 2)
	require.Equal(t, first.Answered, again.Answered)
}

// A server that needs longer than a dead connection is given is only slow.
func TestASlowServerIsReadAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		w.Inject(devserver.Fault{Delay: 5 * time.Second})
		w.fetch(t, dev)
		_, err := w.client.Tree(t.Context(), payments, nil) // two in a row are too slow
		require.ErrorIs(t, err, secret.ErrTimeout)
	})
}

func TestADeadConnectionIsReplacedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		w.Inject(devserver.Fault{Hang: true, Times: 1})
		began := time.Now()
		w.fetch(t, dev)
		require.Less(t, time.Since(began), 5*time.Second)
		w.Inject(devserver.Fault{Hang: true})
		began = time.Now()
		_, err := w.client.Fetch(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrTimeout)
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func TestOneFailedRequestIsRepeated(t *testing.T) {
	for name, fault := range map[string]devserver.Fault{"502": {Status: 502, Times: 1}, "reset": {Reset: true, Times: 1}, "truncated": {Truncate: 5, Times: 1}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devserver.Config{}, "viewer", nil)
			w.fetch(t, dev)
			w.Inject(fault)
			w.fetch(t, dev)
		})
	}
}
