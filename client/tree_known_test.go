package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// again asks for prod on the condition of an earlier answer, and counts.
func (w world) again(t *testing.T, known []*secret.Folder) ([]*secret.Folder, int) {
	t.Helper()
	w.ResetRequests()
	list, err := w.client.Tree(t.Context(), prod, known)
	require.NoError(t, err)
	return list, len(w.Requests())
}

func TestUnchangedTreeOfACurrentServerCostsTwoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		forest(t, w)
		first, err := w.client.Tree(t.Context(), prod, nil)
		require.NoError(t, err)
		time.Sleep(time.Minute)

		second, n := w.again(t, first[3:5])
		require.Equal(t, 2, n)
		require.Len(t, second, 2, "just those that were known")
		for i, f := range second {
			require.Equal(t, first[i+3].Secrets, f.Secrets)
			require.Equal(t, first[i+3].Answered, f.Answered)
			require.Equal(t, time.Minute, f.Fetched.Sub(first[i+3].Fetched))
		}

		w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "prod", "/f0/g0", "KEY", "new") })
		third, n := w.again(t, second)
		require.Equal(t, 3, n, "the names as well")
		require.Len(t, third, len(first))
		require.Equal(t, "new", value(t, byDir(third)[prod.Child("f0").Child("g0")], "KEY"))
		_, n = w.again(t, second)
		require.Equal(t, 3, n, "what is known is still old")
		_, n = w.again(t, third)
		require.Equal(t, 2, n)
	})
}

// The list of folders does not tell of changes in the topmost one.
func TestTreeWithAChangeAtItsTop(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	forest(t, w)
	first, err := w.client.Tree(t.Context(), prod, nil)
	require.NoError(t, err)
	w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "prod", "/", "TOP", "new") })
	second, n := w.again(t, first)
	require.Equal(t, 4, n)
	require.Equal(t, "new", value(t, byDir(second)[prod], "TOP"))
	require.Len(t, second, len(first))
}

func TestUnchangedTreeOf2024CostsOneRequest(t *testing.T) {
	w := newWorld(t, devserver.Config{Profile: devserver.Y2024}, "viewer", nil)
	forest(t, w)
	first, err := w.client.Tree(t.Context(), prod, nil)
	require.NoError(t, err)
	second, n := w.again(t, first)
	require.Equal(t, 1, n)
	require.Len(t, second, len(first))
	w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "prod", "/f0/g0", "KEY", "new") })
	third, _ := w.again(t, second)
	require.Equal(t, "new", value(t, byDir(third)[prod.Child("f0").Child("g0")], "KEY"))
}
