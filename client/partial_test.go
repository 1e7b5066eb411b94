package client_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

func hidden(t *testing.T, f *secret.Folder, name string) {
	t.Helper()
	s, ok := f.Secret(name)
	require.True(t, ok, "%s is missing", name)
	require.True(t, s.Hidden, name)
	require.Zero(t, s.Value.Len())
	require.NotEmpty(t, s.Reason)
}

// A current server refuses a folder's whole list if one value in it may not be
// read. The others must stay.
func TestAnUnreadableValueDoesNotTakeTheFolderAway(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.edit(t, func(e *devserver.Editor) error { return e.Hide("viewer", "demo", "dev", "/", "DB_PASSWORD") })
	f := w.fetch(t, dev)
	require.Equal(t, "hello, world", value(t, f, "GREETING"))
	hidden(t, f, "DB_PASSWORD")
	hidden(t, f, "DATABASE_URL") // refers to it
	require.Equal(t, []secret.Subfolder{{Name: "payments"}}, withoutDetails(f.Folders))
}

func TestAReferenceIntoAForbiddenFolderHidesOnlyItself(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.edit(t, func(e *devserver.Editor) error {
		if err := e.Set("demo", "dev", "/", "BORROWED", "key=${dev.payments.STRIPE_KEY}"); err != nil {
			return err
		}
		return e.Hide("viewer", "demo", "dev", "/payments", "")
	})
	f := w.fetch(t, dev)
	hidden(t, f, "BORROWED")
	require.Equal(t, "hello, world", value(t, f, "GREETING"))
	require.NotContains(t, value(t, f, "DATABASE_URL"), "${", "other references are still expanded")
}

func TestAWhollyForbiddenFolderIsDenied(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		w.fetch(t, dev)
		w.edit(t, func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "dev", "/payments") })
		w.ResetRequests()
		f := w.fetch(t, payments)
		if profile == devserver.CurrentGo { // to whom it looks empty, unless it was known
			require.NoError(t, f.Denied)
			require.Empty(t, f.Secrets)
			return
		}
		require.ErrorIs(t, f.Denied, secret.ErrDenied)
		require.Empty(t, f.Secrets)
		require.LessOrEqual(t, w.count("secrets"), 3, "the list and two retries")
		require.Equal(t, 1, w.count("folders"), "subfolders are visible to every member")
		require.Equal(t, "hello, world", value(t, w.fetch(t, dev), "GREETING"), "the folder above is not concerned")
	})
}

// A folder that was full and is empty now may have been emptied, or be withheld.
func TestAFolderThatIsTakenAwayIsNotTakenForEmpty(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		before := w.fetch(t, payments)
		w.edit(t, func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "dev", "/payments") })
		f, err := w.client.Fetch(t.Context(), payments, before)
		require.NoError(t, err)
		require.ErrorIs(t, f.Denied, secret.ErrDenied)
		require.Empty(t, f.Secrets)
		f, err = w.client.Fetch(t.Context(), payments, f)
		require.NoError(t, err)
		require.ErrorIs(t, f.Denied, secret.ErrDenied, "it stays so")

		w.edit(t, func(e *devserver.Editor) error { return e.Allow("viewer") })
		for _, name := range []string{"STRIPE_KEY", "WEBHOOK_URL"} {
			w.edit(t, func(e *devserver.Editor) error { return e.Delete("demo", "dev", "/payments", name) })
		}
		f, err = w.client.Fetch(t.Context(), payments, before)
		require.NoError(t, err)
		require.NoError(t, f.Denied)
		require.Empty(t, f.Secrets)
	})
}

func TestHiddenImports(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.edit(t, func(e *devserver.Editor) error { return e.Hide("viewer", "demo", "dev", "/payments", "STRIPE_KEY") })
	f := w.fetch(t, staging)
	require.NotEmpty(t, value(t, f, "GREETING"))
	if s, ok := f.Secret("STRIPE_KEY"); ok {
		require.True(t, s.Hidden)
	}
}

// Names that no route can carry must not take the folder away, or be asked for:
// nothing is the list, and ".." is another path.
func TestNamesThatNoRequestCanCarry(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.fetch(t, payments)
	odd := []string{"", ".", "..", "a/b", strings.Repeat("x", 101)}
	w.edit(t, func(e *devserver.Editor) error { return e.Hide("viewer", "demo", "dev", "/payments", "STRIPE_KEY") })
	list := []string{}
	for _, name := range append(odd, "FINE") {
		list = append(list, fmt.Sprintf(`{"secretKey":%q,"secretValue":"${X}","secretPath":"/"}`, name))
	}
	body := `{"secrets":[` + strings.Join(list, ",") + `]}`
	isList := func(r *http.Request) bool { return r.URL.Path == "/api/v4/secrets" }
	w.Inject(devserver.Fault{Status: 403, Body: `{"error":"ForbiddenError","message":"x"}`, Times: 1, Match: isList})
	w.Inject(devserver.Fault{Status: 200, Body: body, Times: 1, Match: isList})
	w.Inject(devserver.Fault{Status: 200, Body: `{"secret":{"secretKey":"FINE","secretValue":"resolved"}}`, Match: func(r *http.Request) bool {
		return r.URL.Path == "/api/v4/secrets/FINE"
	}})
	w.ResetRequests()
	f := w.fetch(t, dev)
	for _, name := range odd {
		hidden(t, f, name)
	}
	require.Equal(t, "resolved", value(t, f, "FINE"))
	require.Len(t, w.Requests(), 4, "folders, two lists, one secret")
}

func TestAnOverrideIsAskedForAsOne(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.edit(t, func(e *devserver.Editor) error {
		return e.SetPersonal("demo", "dev", "/", "GREETING", "mine: ${GREETER}")
	})
	c := join(t, w.Server, "viewer", func(c *client.Config) {
		c.Auth = client.TokenAuth(func() (secret.Value, error) { return secret.NewValue(w.UserToken()), nil })
	})
	w.Inject(devserver.Fault{Status: 403, Body: `{"error":"ForbiddenError","message":"x"}`, Times: 1, Match: func(r *http.Request) bool {
		return r.URL.Path == "/api/v4/secrets"
	}})
	f, err := c.Fetch(t.Context(), dev, nil)
	require.NoError(t, err)
	require.Contains(t, value(t, f, "GREETING"), "mine: ")
	require.NotContains(t, value(t, f, "DATABASE_URL"), "${")
}

func withoutDetails(list []secret.Subfolder) []secret.Subfolder {
	var out []secret.Subfolder
	for _, s := range list {
		out = append(out, secret.Subfolder{Name: s.Name})
	}
	return out
}
