package client_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

func TestMkdir(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		require.NoError(t, w.client.CreateFolder(t.Context(), dev, "new"))
		require.True(t, w.HasFolder("demo", "dev", "/new"))
		require.NoError(t, w.client.CreateFolder(t.Context(), dev.Child("new"), "er"), "in an empty one")
		require.ErrorIs(t, w.client.CreateFolder(t.Context(), dev, "new"), secret.ErrExists)
		require.ErrorIs(t, w.client.CreateFolder(t.Context(), dev.Child("no").Child("where"), "x"), secret.ErrNotFound)
		require.ErrorIs(t, w.client.CreateFolder(t.Context(), dev.Child("nowhere"), "x"), secret.ErrNotFound)
		require.False(t, w.HasFolder("demo", "dev", "/nowhere"))
		require.ErrorIs(t, w.client.CreateFolder(t.Context(), secret.Dir{Project: "demo", Env: "none", Path: "/"}, "x"), secret.ErrNotFound)
	})
}

func TestRenameFolder(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		require.NoError(t, w.client.RenameFolder(t.Context(), dev, "payments", "bills"))
		require.True(t, w.has("/bills", "STRIPE_KEY", "fake-stripe-key-for-demonstration"))
		require.False(t, w.HasFolder("demo", "dev", "/payments"))
		require.ErrorIs(t, w.client.RenameFolder(t.Context(), dev, "bills", "empty"), secret.ErrExists)
		require.ErrorIs(t, w.client.RenameFolder(t.Context(), dev, "payments", "x"), secret.ErrNotFound)
		require.NoError(t, w.client.RenameFolder(t.Context(), dev, "bills", "bills"))
	})
}

// Old servers would delete everything below without a question.
func TestRmdirOnlyEmptyFolders(t *testing.T) {
	eachReady(t, func(t *testing.T, w world) {
		rmdir := func(name string) error { return w.client.DeleteFolder(t.Context(), dev, name) }
		require.ErrorIs(t, rmdir("payments"), secret.ErrNotEmpty, "a secret")
		w.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/parent/child") })
		require.ErrorIs(t, rmdir("parent"), secret.ErrNotEmpty, "a folder")
		require.ErrorIs(t, rmdir("nowhere"), secret.ErrNotFound)
		w.edit(t, func(e *devserver.Editor) error { return e.Import("demo", "dev", "/empty", "dev", "/payments") })
		require.NoError(t, rmdir("empty"), "imports do not count")
		require.False(t, w.HasFolder("demo", "dev", "/empty"))
		require.True(t, w.has("/payments", "STRIPE_KEY", "fake-stripe-key-for-demonstration"))
		require.True(t, w.HasFolder("demo", "dev", "/parent/child"))

		w.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/new") })
		w.Edit(func(e *devserver.Editor) error { return e.RenameFolder("demo", "dev", "/parent/child", "odd/name") })
		require.ErrorIs(t, rmdir("parent"), secret.ErrNotEmpty, "a folder that nothing can reach")
		require.NoError(t, rmdir("new"))
	})
}

// A refusal of a folder that looks empty and has no imports is believed.
func TestRmdirNeverForcesWithoutImports(t *testing.T) {
	w := ready(t, devserver.Current)
	w.Inject(devserver.Fault{
		Match:  func(r *http.Request) bool { return r.Method == http.MethodDelete },
		Status: 400, Body: `{"statusCode":400,"error":"BadRequest","message":"Folder is not empty"}`,
	})
	require.ErrorIs(t, w.client.DeleteFolder(t.Context(), dev, "empty"), secret.ErrNotEmpty)
	require.Equal(t, 1, w.writes())
	require.True(t, untouched(w))
}
