package client_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// Other credentials take the place of those that a client began with, and the old
// token is given back. Ones that are refused change nothing.
func TestBecome(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		w.fetch(t, dev)
		who := w.Credentials("admin")

		w.ResetRequests()
		wrong := client.UniversalAuth(who.ClientID, secret.NewValue("wrong"))
		require.ErrorIs(t, w.client.Become(t.Context(), wrong), secret.ErrUnauthenticated)
		w.fetch(t, dev)
		require.Equal(t, 1, w.count("login"), "the old token is still good")

		w.ResetRequests()
		require.NoError(t, w.client.Become(t.Context(), client.UniversalAuth(who.ClientID, secret.NewValue(who.ClientSecret))))
		require.Equal(t, 1, w.count("login"))
		require.Equal(t, 1, w.count("revoke"))
		w.fetch(t, dev)
		require.Equal(t, 1, w.count("login"))
		for _, r := range w.Requests() {
			require.Equal(t, http.StatusOK, r.Status, "%s", r.Path)
		}
		_, err := w.client.Create(t.Context(), dev, "MADE", secret.NewValue("x"))
		require.NoError(t, err, "an admin may write, a viewer may not")
	})
}

// What is shown depends on whether it is a person's login.
func TestBecomeStaysOfOneKind(t *testing.T) {
	w := newWorld(t, devserver.Config{Profile: devserver.Current}, "viewer", nil)
	w.fetch(t, dev)
	// {"userId":"u"}, signed by nobody: the claims are read and not verified.
	person := strings.Join([]string{"eyJhbGciOiJub25lIn0", "eyJ1c2VySWQiOiJ1In0", "x"}, ".")
	auth := client.TokenAuth(func() (secret.Value, error) { return secret.NewValue(person), nil })
	require.ErrorIs(t, w.client.Become(t.Context(), auth), secret.ErrInvalid)
	w.fetch(t, dev)
	require.Equal(t, 1, w.count("login"))
}

func TestBecomeAfterClose(t *testing.T) {
	w := newWorld(t, devserver.Config{Profile: devserver.Current}, "viewer", nil)
	w.fetch(t, dev)
	require.NoError(t, w.client.Close())
	who := w.Credentials("admin")
	require.ErrorIs(t, w.client.Become(t.Context(), client.UniversalAuth(who.ClientID, secret.NewValue(who.ClientSecret))), secret.ErrUnavailable)
}
