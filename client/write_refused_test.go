package client_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

func TestRefusedBeforeAnythingIsSent(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		create := func(name, value string) error { return second(w.client.Create(t.Context(), dev, name, text(value))) }
		for name, c := range map[string]struct{ got, want error }{
			"too large":          {create("NEW", strings.Repeat("x", 1<<20)), secret.ErrTooLarge},
			"too large, escapes": {create("NEW", strings.Repeat("\n", 1<<19)+"x"), secret.ErrTooLarge},
			"too large update":   {second(w.client.Update(t.Context(), dev, "GREETING", text(strings.Repeat("x", 1<<20)))), secret.ErrTooLarge},
			"binary":             {create("NEW", "\xff\xfe"), secret.ErrInvalid},
			"empty name":         {create("", "x"), secret.ErrInvalid},
			"trimmed name":       {create("NEW\u00a0", "x"), secret.ErrInvalid},
			"NUL name":           {create("N\x00", "x"), secret.ErrInvalid},
			"binary name":        {create("N\xff", "x"), secret.ErrInvalid},
			"long name":          {create(strings.Repeat("n", 501), "x"), secret.ErrInvalid},
			"new name":           {second(w.client.Rename(t.Context(), dev, "GREETING", "")), secret.ErrInvalid},
			"new name, trimmed":  {second(w.client.Rename(t.Context(), dev, "GREETING", " X")), secret.ErrInvalid},
			"other project":      {w.client.Move(t.Context(), dev, "GREETING", secret.Dir{Project: "other", Env: "dev", Path: "/"}), secret.ErrInvalid},
			"not a folder":       {second(w.client.Create(t.Context(), secret.Dir{Project: "demo"}, "X", text("x"))), secret.ErrInvalid},
			"folder name":        {w.client.CreateFolder(t.Context(), dev, "a.b"), secret.ErrInvalid},
			"folder, two names":  {w.client.CreateFolder(t.Context(), dev, "a/b"), secret.ErrInvalid},
			"folder, up":         {w.client.CreateFolder(t.Context(), dev, ".."), secret.ErrInvalid},
			"folder, empty":      {w.client.CreateFolder(t.Context(), dev, ""), secret.ErrInvalid},
			"folder, long":       {w.client.CreateFolder(t.Context(), dev, strings.Repeat("n", 256)), secret.ErrInvalid},
			"folder, renamed":    {w.client.RenameFolder(t.Context(), dev, "payments", "pay ments"), secret.ErrInvalid},
			"folder, here":       {w.client.DeleteFolder(t.Context(), payments, "."), secret.ErrInvalid},
		} {
			require.ErrorIs(t, c.got, c.want, name)
		}
		require.Zero(t, w.writes())
		require.True(t, untouched(w))
	})
}

// Names that the server does not take are known without asking: by its routes, or
// since it has refused one. What has such a name may be changed.
func TestNamesThatTheServerDoesNotTake(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		_, err := w.client.Stored(t.Context(), dev, "GREETING") // and is known from then on
		require.NoError(t, err)
		for _, name := range []string{"a:b", "a/b"} {
			if w.profile.Old() {
				require.NoError(t, w.client.NewName(name))
				require.NoError(t, second(w.client.Create(t.Context(), dev, name, text("x"))))
				require.NoError(t, second(w.client.Update(t.Context(), dev, name, text("y"))))
				continue
			}
			require.ErrorIs(t, w.client.NewName(name), secret.ErrInvalid)
		}
		require.NoError(t, w.client.NewName("a.b"))
		require.ErrorIs(t, w.client.NewName(" "), secret.ErrInvalid)
		if !w.profile.Old() {
			return
		}
		w.Inject(devserver.Fault{
			Match: func(r *http.Request) bool { return r.Method == http.MethodPost }, Times: 1,
			Status: 422, Body: `{"statusCode":422,"error":"ValidationFailure","message":"Secret name cannot contain colon"}`,
		})
		require.ErrorIs(t, second(w.client.Create(t.Context(), dev, "c:d", text("x"))), secret.ErrInvalid)
		require.ErrorIs(t, w.client.NewName("e:f"), secret.ErrInvalid, "servers of spring 2025 have the old routes and the new rule")
	})
}

// Somebody else was faster: the server refuses, in words that nobody relies on.
func TestTakenAfterItWasLookedAt(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		w.Inject(devserver.Fault{
			Match: func(r *http.Request) bool { return r.Method == http.MethodGet }, Times: 1,
			Status: 404, Body: `{"statusCode":404,"error":"NotFound","message":"x"}`,
		})
		require.ErrorIs(t, second(w.client.Create(t.Context(), dev, "GREETING", text("x"))), secret.ErrExists)
		require.Equal(t, 1, w.writes())
		require.True(t, untouched(w))
	})
}

func TestProtected(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		w.edit(t, func(e *devserver.Editor) error { return e.Rotate("demo", "dev", "/", "GREETING", true) })
		w.edit(t, func(e *devserver.Editor) error { return e.SetApprovals(true) })
		approvals := w.profile != devserver.July2024 // whose old routes do not ask for any
		user := join(t, w.Server, "admin", func(c *client.Config) {
			c.Auth = client.TokenAuth(func() (secret.Value, error) { return text(w.UserToken()), nil })
		})
		refused := map[string]error{
			"rotated update": second(w.client.Update(t.Context(), dev, "GREETING", text("x"))),
			"rotated rename": second(w.client.Rename(t.Context(), dev, "GREETING", "X")),
			"rotated delete": w.client.Delete(t.Context(), dev, "GREETING"),
			"rotated move":   w.client.Move(t.Context(), dev, "GREETING", payments),
		}
		if approvals {
			maps.Copy(refused, map[string]error{
				"approval create": second(user.Create(t.Context(), dev, "NEW", text("x"))),
				"approval batch":  second(user.Create(t.Context(), dev, "..", text("x"))),
				"approval update": second(user.Update(t.Context(), dev, "DB_USER", text("x"))),
				"approval rename": second(user.Rename(t.Context(), dev, "DB_USER", "X")),
				"approval move":   user.Move(t.Context(), dev, "DB_USER", payments),
				"approval delete": user.Delete(t.Context(), dev, "DB_USER"),
				"approval rmdir":  user.DeleteFolder(t.Context(), dev, "empty"),
			})
		}
		for name, err := range refused {
			require.ErrorIs(t, err, secret.ErrProtected, name)
			require.NotErrorIs(t, err, secret.ErrInvalid, name)
		}
		require.True(t, untouched(w))
		require.True(t, w.has("/", "DB_USER", "demo"))
	})
}

func TestViewerMayNotWrite(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		viewer := join(t, w.Server, "viewer", nil)
		for _, op := range operations() {
			require.ErrorIs(t, op.do(t.Context(), viewer), secret.ErrDenied, op.name)
		}
		require.True(t, untouched(w))
	})
}

// A value that may not be read takes its name all the same.
func TestUnreadableNames(t *testing.T) {
	w := ready(t, devserver.Current)
	w.edit(t, func(e *devserver.Editor) error { return e.Hide("admin", "demo", "dev", "/", "GREETING") })
	require.ErrorIs(t, second(w.client.Stored(t.Context(), dev, "GREETING")), secret.ErrDenied)
	require.ErrorIs(t, second(w.client.Create(t.Context(), dev, "GREETING", text("x"))), secret.ErrExists)
	require.ErrorIs(t, second(w.client.Rename(t.Context(), dev, "DB_USER", "GREETING")), secret.ErrExists)
	next, err := w.client.Update(t.Context(), dev, "GREETING", text("new"))
	require.NoError(t, err)
	require.Equal(t, "new", next.Value.Reveal())
	require.False(t, next.Hidden)
	require.NoError(t, w.client.Delete(t.Context(), dev, "GREETING"))
}
