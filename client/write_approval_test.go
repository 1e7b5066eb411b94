package client_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// asUser is a client of a person, whose changes may need an approval.
func asUser(t *testing.T, w world) *client.Client {
	return join(t, w.Server, "admin", func(c *client.Config) {
		c.Auth = client.TokenAuth(func() (secret.Value, error) { return text(w.UserToken()), nil })
	})
}

// What waits says which request the server has made of it.
func TestAnApprovalNamesItsRequest(t *testing.T) {
	w := ready(t, devserver.Current)
	w.edit(t, func(e *devserver.Editor) error { return e.SetApprovals(true) })
	user := asUser(t, w)
	for name, err := range map[string]error{
		"create": second(user.Create(t.Context(), dev, "NEW", text("x"))),
		"batch":  second(user.Create(t.Context(), dev, "..", text("x"))),
		"update": second(user.Update(t.Context(), dev, "DB_USER", text("x"))),
		"rename": second(user.Rename(t.Context(), dev, "DB_USER", "X")),
		"delete": user.Delete(t.Context(), dev, "DB_USER"),
	} {
		waits, ok := errors.AsType[*secret.ApprovalError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.ErrorIs(t, err, secret.ErrApproval)
		found := false
		for _, a := range w.Approvals() {
			found = found || a.ID == waits.Request && a.Slug == waits.Slug
		}
		require.True(t, found, "%s: %v", name, err)
		require.ErrorContains(t, err, waits.Request)
	}
	require.Len(t, w.Approvals(), 5, "one request each")

	err := user.Move(t.Context(), dev, "DB_USER", payments)
	require.ErrorIs(t, err, secret.ErrApproval, "whose answer names none")
	require.Len(t, w.Approvals(), 7)
	require.True(t, w.has("/", "DB_USER", "demo"))
}

// Of a move for which only one of the folders wants an approval the other half is done.
func TestAMoveHalfOfWhichWaits(t *testing.T) {
	w := ready(t, devserver.Current)
	w.edit(t, func(e *devserver.Editor) error {
		return errors.Join(e.SetApprovalsIn("prod"), e.Mkdir("demo", "prod", "/there"))
	})
	there := secret.Dir{Project: "demo", Env: "prod", Path: "/there"}
	require.ErrorIs(t, asUser(t, w).Move(t.Context(), dev, "DB_USER", there), secret.ErrApproval)
	_, left := w.Lookup("demo", "dev", "/", "DB_USER")
	_, arrived := w.Lookup("demo", "prod", "/there", "DB_USER")
	require.False(t, left || arrived, "it is nowhere meanwhile")
}

// Servers to come may say it in other words. A success without the secret is none,
// and nobody asks for the same change again: that would be another request.
func TestAnApprovalInOtherWords(t *testing.T) {
	for body, request := range map[string]string{
		`{"approvalRequest":{"requestId":"r-1","state":"pending"}}`: "r-1",
		`{"secret":null,"approval":{"id":"r-2"}}`:                   "r-2",
		`{"approval":["of another shape"]}`:                         "",
		`{"approval":{"id":"a value of the new secret"}}`:           "",
		`{"approval":{"id":"new-canary-value"}}`:                    "",
		`{"approval":{"id":"\u001b[31m"}}`:                          "",
		`{"message":"Your change was submitted"}`:                   "",
	} {
		w := ready(t, devserver.Current)
		user := asUser(t, w)
		w.Inject(devserver.Fault{Match: isWrite, Times: 1, Status: http.StatusOK, Body: body})
		err := second(user.Update(t.Context(), dev, "GREETING", text("new-canary-value")))
		waits, ok := errors.AsType[*secret.ApprovalError](err)
		require.True(t, ok, "%s: %v", body, err)
		require.Equal(t, request, waits.Request, body)
		require.NotContains(t, err.Error(), "canary")
		require.Equal(t, 1, w.writes(), body)
	}
}

// If the server turns out to have the change it is a success, whatever it has said.
func TestAnOddAnswerToAChangeThatWasMade(t *testing.T) {
	w := ready(t, devserver.Current)
	w.Inject(devserver.Fault{Match: isWrite, Times: 1, Status: http.StatusOK, Body: `{"message":"ok"}`, After: true})
	require.NoError(t, second(w.client.Update(t.Context(), dev, "GREETING", text("new"))))
}
