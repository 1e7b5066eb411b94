package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

func TestRenameKeepsEverything(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		w.edit(t, func(e *devserver.Editor) error { return e.Comment("demo", "dev", "/", "DATABASE_URL", "a note") })
		w.edit(t, func(e *devserver.Editor) error { return e.Tag("demo", "dev", "/", "DATABASE_URL", "database") })
		before, _ := w.Lookup("demo", "dev", "/", "DATABASE_URL")
		s, err := w.client.Rename(t.Context(), dev, "DATABASE_URL", "DSN")
		require.NoError(t, err)
		after, ok := w.Lookup("demo", "dev", "/", "DSN")
		require.True(t, ok)
		require.Equal(t, w.keepsRenames(), before.ID == after.ID)
		require.Equal(t, before.Value, after.Value, "references stay references")
		require.Equal(t, "a note", after.Comment)
		require.Equal(t, secret.Secret{
			Name: "DSN", ID: after.ID, Version: after.Version, Value: s.Value, Comment: "a note", Tags: []string{"database"}, Created: s.Created, Updated: s.Updated,
		}, secret.Secret{Name: s.Name, ID: s.ID, Version: s.Version, Value: s.Value, Comment: s.Comment, Tags: s.Tags, Created: s.Created, Updated: s.Updated})
		require.Equal(t, after.Value, s.Value.Reveal())

		w.ResetRequests()
		same, err := w.client.Rename(t.Context(), dev, "DSN", "DSN")
		require.NoError(t, err)
		require.Equal(t, after.Version, same.Version)
		require.Zero(t, w.writes())
		require.ErrorIs(t, second(w.client.Rename(t.Context(), dev, "DSN", "GREETING")), secret.ErrExists)
	})
}

// deaf lets a server ignore newSecretName, as those before October 2024 do.
type deaf struct{ http.RoundTripper }

func (d deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, err
		}
		delete(body, "newSecretName")
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(text))
		r.ContentLength = int64(len(text))
	}
	return d.RoundTripper.RoundTrip(r)
}

func TestRenameWhereServersCannot(t *testing.T) {
	w := ready(t, devserver.Y2024)
	c := join(t, w.Server, "admin", func(c *client.Config) { c.Transport = deaf{c.Transport} })
	w.edit(t, func(e *devserver.Editor) error { return e.Comment("demo", "dev", "/", "DATABASE_URL", "a note") })
	w.edit(t, func(e *devserver.Editor) error { return e.Tag("demo", "dev", "/", "DATABASE_URL", "database") })
	before, _ := w.Lookup("demo", "dev", "/", "DATABASE_URL")
	s, err := c.Rename(t.Context(), dev, "DATABASE_URL", "DSN")
	require.NoError(t, err)
	after, _ := w.Lookup("demo", "dev", "/", "DSN")
	require.Equal(t, before.Value, after.Value)
	require.Equal(t, "a note", after.Comment)
	require.Equal(t, after.ID, s.ID)
	require.Equal(t, "a note", s.Comment)
	shown, _ := w.fetch(t, dev).Secret("DSN")
	require.Equal(t, []string{"database"}, shown.Tags)
	require.Equal(t, []string{"database"}, s.Tags)
	require.True(t, w.lacks("/", "DATABASE_URL"))
	require.ErrorIs(t, second(c.Rename(t.Context(), dev, "DSN", "GREETING")), secret.ErrExists)
	require.True(t, w.has("/", "GREETING", "hello, world"))

	w.Inject(devserver.Fault{Match: func(r *http.Request) bool { return r.Method == http.MethodDelete }, Status: 500, Body: "{}", Times: 1})
	_, err = c.Rename(t.Context(), dev, "DB_USER", "USER")
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.ErrorContains(t, err, "both")
	require.True(t, w.has("/", "DB_USER", "demo") && w.has("/", "USER", "demo"))
}

func TestMove(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		require.NoError(t, w.client.Move(t.Context(), dev, "DATABASE_URL", staging))
		moved, ok := w.Lookup("demo", "staging", "/", "DATABASE_URL")
		require.True(t, ok)
		if w.profile.Old() {
			require.Contains(t, moved.Value, "${DB_USER}")
		} else { // the server lets the references follow
			require.Contains(t, moved.Value, "${dev.DB_USER}")
		}
		require.ErrorIs(t, w.client.Move(t.Context(), dev, "GREETING", staging), secret.ErrExists)
		require.ErrorIs(t, w.client.Move(t.Context(), dev, "GREETING", dev.Child("nowhere")), secret.ErrNotFound)
		require.NoError(t, w.client.Move(t.Context(), dev, "GREETING", dev))
		require.True(t, w.has("/", "GREETING", "hello, world"))
	})
}
