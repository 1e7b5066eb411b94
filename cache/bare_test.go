package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// bare is a bubble whose server lists folders without their secrets.
func bare(t *testing.T, cfg cache.Config, test func(w *world)) {
	t.Helper()
	bubble(t, cfg, func(w *world) {
		w.fake.ListsFolders(true)
		test(w)
	})
}

func TestTheWayToASecretIsOneRequest(t *testing.T) {
	bare(t, cache.Config{}, func(w *world) {
		deep := payments.Child("eu").Child("card")
		w.fake.Set(deep, "KEY", "deep")
		way := func() {
			for dir := deep; dir.IsFolder(); dir = dir.Parent() {
				require.Empty(w, w.get(dir, secret.NeedFolder).Secrets)
			}
		}
		require.Equal(w, secrettest.Calls{Folders: 1}, w.calls(func() { w.get(dev, secret.NeedFolder); way() }))
		require.Equal(w, secrettest.Calls{Fetch: 1, Conditional: 1}, w.calls(func() { require.Equal(w, "deep", w.value(deep, "KEY")) }))
		require.Equal(w, secrettest.Calls{}, w.calls(func() { require.Equal(w, "deep", w.value(deep, "KEY")) }))
		require.Empty(w, w.changes(), "what was not asked for has not changed")

		sleep(time.Minute)
		require.Equal(w, secrettest.Calls{Folders: 1}, w.calls(func() { w.get(dev, secret.NeedFolder); w.get(payments, secret.NeedFolder) }))
	})
}

// A name that is in no such answer may exist all the same: only the folder's own list tells.
func TestFoldersAloneProveNoAbsence(t *testing.T) {
	bare(t, cache.Config{}, func(w *world) {
		require.True(w, w.get(dev, secret.NeedFolder).NoSecrets)
		f := w.get(dev, secret.NeedEntry)
		require.False(w, f.NoSecrets)
		require.True(w, f.Partial)
		require.False(w, w.get(dev, secret.NeedProof).Partial)
		w.fails(dev.Child("missing"), secret.ErrNotFound)
		_, err := w.Folder(w.Context(), dev.Child("gone"), secret.NeedFolder)
		require.ErrorIs(w, err, secret.ErrNotFound)
	})
}

// Folders alone never take the place of what is known with secrets, and what comes after them
// is no change.
func TestFoldersAloneReplaceNothing(t *testing.T) {
	bare(t, cache.Config{TTL: time.Minute}, func(w *world) {
		require.Equal(w, "one", w.value(payments, "KEY"))
		w.get(dev, secret.NeedFolder)
		require.Equal(w, secrettest.Calls{}, w.calls(func() { require.Equal(w, "one", w.value(payments, "KEY")) }))
		w.get(dev, secret.NeedProof)
		require.Empty(w, w.changes())
		w.fake.Set(dev, "GREETING", "other")
		sleep(time.Minute)
		w.get(dev, secret.NeedProof)
		require.Len(w, w.changes(), 1)
	})
}

func TestTheWayDuringAnOutage(t *testing.T) {
	bare(t, cache.Config{TTL: time.Minute, MaxStale: time.Hour}, func(w *world) {
		w.get(dev, secret.NeedFolder)
		require.Equal(w, "one", w.value(payments, "KEY"))
		w.fake.FailAll(secret.ErrUnavailable)
		sleep(10 * time.Minute)
		require.True(w, w.get(dev, secret.NeedFolder).Stale)
		require.Equal(w, "one", w.value(payments, "KEY"))
		sleep(time.Hour)
		_, err := w.Folder(w.Context(), dev, secret.NeedFolder)
		require.ErrorIs(w, err, secret.ErrUnavailable)
	})
}

func TestTheWayThroughADeniedFolder(t *testing.T) {
	bare(t, cache.Config{}, func(w *world) {
		w.get(dev, secret.NeedFolder)
		w.fake.Fail(payments, secret.ErrDenied)
		w.fails(payments, secret.ErrDenied)
		_, err := w.Folder(w.Context(), payments, secret.NeedFolder)
		require.ErrorIs(w, err, secret.ErrDenied, "it was only shown as a folder before")
	})
}

// Where no bulk answer has secrets, a walk asks once for folders and then for the secrets of each.
func TestAWalkWithoutBulkAnswers(t *testing.T) {
	bare(t, cache.Config{}, func(w *world) {
		w.fake.Inexact(true)
		dirs := w.wide()
		calls := w.calls(func() {
			w.get(dev, secret.NeedListing)
			for _, dir := range dirs {
				w.get(dir, secret.NeedListing)
				w.value(dir, "KEY")
			}
		})
		require.Equal(w, secrettest.Calls{Tree: 1, Folders: 1, Fetch: 101, Conditional: 101}, calls)
		require.Empty(w, w.changes())
	})
}

// What is written into a folder that was only passed through is read from the server.
func TestAWriteOnTheWay(t *testing.T) {
	bare(t, cache.Config{}, func(w *world) {
		writer := w.Writer(w.fake.Writer())
		w.get(dev, secret.NeedFolder)
		_, err := writer.Create(w.Context(), payments, "NEW", secret.NewValue("x"))
		require.NoError(w, err)
		require.Equal(w, "x", w.value(payments, "NEW"))
		require.Equal(w, "one", w.value(payments, "KEY"))
	})
}

// Who asks in full says what the folder had: a server may say of one that is denied by now no more
// than that it is empty, unless it is asked for what was in it.
func TestWhatWasInABulkAnswerIsKnownToTheNextRequest(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.lists(dev)
		w.lists(payments)
		require.NotZero(w, w.fake.Calls().Tree)
		sleep(2 * time.Minute)
		before := len(w.fake.Requests())
		_, err := w.Folder(w.Context(), payments, secret.NeedProof)
		require.NoError(w, err)
		asked := w.fake.Requests()[before:]
		require.Len(w, asked, 1)
		require.Equal(w, secrettest.KindFetch, asked[0].Kind)
		require.NotNil(w, asked[0].Known)
		_, had := asked[0].Known.Secret("KEY")
		require.True(w, had)
		require.Empty(w, asked[0].Known.Revision, "there is nothing to confirm")
	})
}
