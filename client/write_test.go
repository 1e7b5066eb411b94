package client_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

func eachReady(t *testing.T, test func(t *testing.T, w world)) {
	each(t, func(t *testing.T, profile devserver.Profile) { test(t, ready(t, profile)) })
}

func TestCreateUpdateDelete(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		made, err := w.client.Create(t.Context(), dev, "NEW", text("one"))
		require.NoError(t, err)
		require.Equal(t, 1, made.Version)
		stored, _ := w.Lookup("demo", "dev", "/", "NEW")
		require.Equal(t, stored.ID, made.ID)
		require.Equal(t, "one", made.Value.Reveal())
		if w.profile != devserver.July2024 { // which tells no dates
			require.WithinDuration(t, time.Now(), made.Updated, time.Minute)
		}

		next, err := w.client.Update(t.Context(), dev, "NEW", text("two"))
		require.NoError(t, err)
		require.Equal(t, 2, next.Version)
		require.Equal(t, made.ID, next.ID)
		require.Equal(t, "two", next.Value.Reveal())
		require.True(t, w.has("/", "NEW", "two"))

		read, err := w.client.Stored(t.Context(), dev, "NEW")
		require.NoError(t, err)
		require.Equal(t, "two", read.Value.Reveal())
		require.Equal(t, 2, read.Version)

		require.NoError(t, w.client.Delete(t.Context(), dev, "NEW"))
		require.True(t, w.lacks("/", "NEW"))
		for _, err := range []error{
			w.client.Delete(t.Context(), dev, "NEW"),
			second(w.client.Update(t.Context(), dev, "NEW", text("x"))),
			second(w.client.Stored(t.Context(), dev, "NEW")),
			second(w.client.Rename(t.Context(), dev, "NEW", "NEWER")),
			w.client.Move(t.Context(), dev, "NEW", payments),
			second(w.client.Create(t.Context(), dev.Child("nowhere"), "X", text("x"))),
		} {
			require.ErrorIs(t, err, secret.ErrNotFound)
		}
	})
}

func second(_ secret.Secret, err error) error { return err }

func TestRequestsOfAChange(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		rename, again := 2, 2
		if w.profile.Old() { // the first one asks whether the name is free
			rename = 3
		}
		if !w.keepsRenames() { // ignored, and made anew; that is known the next time
			rename, again = 6, 4
		}
		for _, c := range []struct {
			name  string
			do    func() error
			total int
		}{
			{"create", func() error { return second(w.client.Create(t.Context(), dev, "NEW", text("1"))) }, 2},
			{"update", func() error { return second(w.client.Update(t.Context(), dev, "NEW", text("2"))) }, 1},
			{"stored", func() error { return second(w.client.Stored(t.Context(), dev, "NEW")) }, 1},
			{"rename", func() error { return second(w.client.Rename(t.Context(), dev, "NEW", "NEWER")) }, rename},
			{"rename again", func() error { return second(w.client.Rename(t.Context(), dev, "NEWER", "NEWEST")) }, again},
			{"move", func() error { return w.client.Move(t.Context(), dev, "NEWEST", payments) }, 2},
			{"delete", func() error { return w.client.Delete(t.Context(), payments, "NEWEST") }, 1},
			{"mkdir", func() error { return w.client.CreateFolder(t.Context(), dev, "x") }, 2},
			{"rename folder", func() error { return w.client.RenameFolder(t.Context(), dev, "x", "y") }, 2},
			{"rmdir", func() error { return w.client.DeleteFolder(t.Context(), dev, "y") }, 4},
		} {
			w.ResetRequests()
			require.NoError(t, c.do(), c.name)
			require.Len(t, w.Requests(), c.total, c.name)
		}
	})
}

// What a server stores is not what it was sent; the result says what it stores.
func TestValuesAsStored(t *testing.T) {
	values := []string{
		"", " ", "\n", "\n\n", "x", " x ", "\tx\n\n\n", "\r\nx\r\n", "a\n b", "\ufeffx\u00a0", "\u2028x\u2029\n", "\u0085x\u0085",
		"<&>", `"\`, "\x00", "日本語 🔑", "${DB_USER}", strings.Repeat("<", 1<<19),
	}
	eachReady(t, func(t *testing.T, w world) {
		for _, v := range values {
			made, err := w.client.Create(t.Context(), dev, "NEW", text(v))
			require.NoError(t, err, "%q", v)
			require.True(t, w.has("/", "NEW", made.Value.Reveal()), "create %q", v)
			_, err = w.client.Update(t.Context(), dev, "NEW", text("other"))
			require.NoError(t, err)
			next, err := w.client.Update(t.Context(), dev, "NEW", text(v))
			require.NoError(t, err)
			require.True(t, w.has("/", "NEW", next.Value.Reveal()), "update %q", v)
			require.NoError(t, w.client.Delete(t.Context(), dev, "NEW"))
		}
	})
}

// Names that a URL cannot carry go through lists and batches.
func TestOddNames(t *testing.T) {
	names := []string{
		"batch", "move", "id", "duplicate", "raw", ".", "..", ".hidden", "a b", "a%2Fb", "%", "?#&", `\`, "é", "🔑",
		strings.Repeat("n", 100), strings.Repeat("n", 101), strings.Repeat("🔑", 51), strings.Repeat("é", 500),
	}
	eachReady(t, func(t *testing.T, w world) {
		routes := w.client.Stats().Routes
		for _, name := range append(names, "a/b", "with:colon") {
			_, err := w.client.Create(t.Context(), dev, name, text("one"))
			if routes == "current" && strings.ContainsAny(name, "/:") {
				require.ErrorIs(t, err, secret.ErrInvalid, name)
				require.NoError(t, w.Edit(func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", name, "one") }))
			} else {
				require.NoError(t, err, name)
				require.ErrorIs(t, second(w.client.Create(t.Context(), dev, name, text("again"))), secret.ErrExists, name)
			}
			next, err := w.client.Update(t.Context(), dev, name, text("two"))
			require.NoError(t, err, name)
			require.Equal(t, 2, next.Version)
			s, err := w.client.Stored(t.Context(), dev, name)
			require.NoError(t, err, name)
			require.Equal(t, "two", s.Value.Reveal())
			note := "note"
			_, err = w.client.Annotate(t.Context(), dev, name, &note, nil)
			require.NoError(t, err, name)
			require.True(t, w.has("/", name, "two"))
			_, err = w.client.Rename(t.Context(), dev, name, "PLAIN")
			require.NoError(t, err, name)
			if !strings.ContainsAny(name, "/:") {
				_, err = w.client.Rename(t.Context(), dev, "PLAIN", name)
				require.NoError(t, err, name)
				require.True(t, w.has("/", name, "two"))
				require.NoError(t, w.client.Move(t.Context(), dev, name, payments), name)
				require.NoError(t, w.client.Delete(t.Context(), payments, name), name)
				require.True(t, w.lacks("/payments", name))
			} else {
				require.NoError(t, w.client.Delete(t.Context(), dev, "PLAIN"))
			}
			require.True(t, w.lacks("/", name) && w.lacks("/", "PLAIN"), name)
		}
	})
}

// Only the folder's own, shared, unexpanded secret exists for a change.
func TestStoredIsTheFoldersOwn(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		s, err := w.client.Stored(t.Context(), dev, "DATABASE_URL")
		require.NoError(t, err)
		require.Contains(t, s.Value.Reveal(), "${DB_USER}")
		_, err = w.client.Stored(t.Context(), staging, "STRIPE_KEY")
		require.ErrorIs(t, err, secret.ErrNotFound, "an import")
		require.ErrorIs(t, w.client.Delete(t.Context(), staging, "STRIPE_KEY"), secret.ErrNotFound)
		require.ErrorIs(t, second(w.client.Update(t.Context(), staging, "STRIPE_KEY", text("x"))), secret.ErrNotFound)
		require.ErrorIs(t, second(w.client.Rename(t.Context(), staging, "STRIPE_KEY", "X")), secret.ErrNotFound)
		_, err = w.client.Create(t.Context(), staging, "STRIPE_KEY", text("own"))
		require.NoError(t, err)
		require.True(t, w.has("/payments", "STRIPE_KEY", "fake-stripe-key-for-demonstration"))

		user := join(t, w.Server, "admin", func(c *client.Config) {
			c.Auth = client.TokenAuth(func() (secret.Value, error) { return text(w.UserToken()), nil })
		})
		for _, name := range []string{"GREETING", ".."} { // by its route and out of a list
			w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", name, "shared") })
			w.edit(t, func(e *devserver.Editor) error { return e.SetPersonal("demo", "dev", "/", name, "mine") })
			s, err = user.Stored(t.Context(), dev, name)
			require.NoError(t, err)
			require.Equal(t, "shared", s.Value.Reveal())
			require.False(t, s.Personal)
		}
	})
}

func TestAnnotate(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		note, none := " a note\n", ""
		s, err := w.client.Annotate(t.Context(), dev, "GREETING", &note, nil)
		require.NoError(t, err)
		require.Equal(t, "a note", s.Comment)
		require.Equal(t, "hello, world", s.Value.Reveal())
		stored, _ := w.Lookup("demo", "dev", "/", "GREETING")
		require.Equal(t, "a note", stored.Comment)
		require.Equal(t, stored.Version, s.Version)

		_, err = w.client.Annotate(t.Context(), dev, "GREETING", nil, []string{"database"})
		require.NoError(t, err)
		shown, _ := w.fetch(t, dev).Secret("GREETING")
		if w.profile != devserver.July2024 { // whose lists have no tags
			require.Equal(t, []string{"database"}, shown.Tags)
		}
		require.Equal(t, "a note", shown.Comment)

		_, err = w.client.Annotate(t.Context(), dev, "GREETING", &none, []string{})
		require.NoError(t, err)
		shown, _ = w.fetch(t, dev).Secret("GREETING")
		require.Empty(t, shown.Tags)
		require.Empty(t, shown.Comment)
		require.Equal(t, "hello, world", shown.Value.Reveal())

		require.ErrorIs(t, second(w.client.Annotate(t.Context(), dev, "GREETING", nil, []string{"no-such-tag"})), secret.ErrInvalid)
	})
}
