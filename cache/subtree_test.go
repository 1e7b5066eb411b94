package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// A folder that was removed here is not asked for again, and that it is not there
// is no failure.
func TestFolderRemovedHereIsForgotten(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		to := w.Writer(w.fake.Writer())
		empty := dev.Child("empty")
		must(w, to.CreateFolder(w.Context(), dev, "empty"))
		w.get(empty, secret.NeedProof)
		require.Equal(w, 1, w.Stats().Watch.Folders)
		must(w, to.DeleteFolder(w.Context(), dev, "empty"))
		require.Zero(w, w.Stats().Watch.Folders)
		require.Zero(w, w.calls(func() { sleep(2 * time.Hour) }).All())
		require.Nil(w, w.Stats().LastError)
	})
}

// Nor is an answer a failure that was under way when the folder was removed.
func TestFolderRemovedHereWhileItIsAskedFor(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		to := w.Writer(w.fake.Writer())
		must(w, to.CreateFolder(w.Context(), dev, "empty"))
		w.get(dev.Child("empty"), secret.NeedProof)
		w.fake.Hang(true)
		sleep(time.Minute + 10*time.Second) // a poll is under way
		removed := make(chan error)
		go func() { removed <- to.DeleteFolder(w.Context(), dev, "empty") }()
		sleep(time.Second)
		w.fake.Remove(dev, "empty")
		w.fake.Hang(false)
		<-removed
		sleep(time.Hour)
		require.Nil(w, w.Stats().LastError)
	})
}

// A folder that was renamed here is polled under its new name, with all below, and
// what changes there is told although nobody has asked for it under that name.
func TestFolderRenamedHereIsWatchedOn(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		to := w.Writer(w.fake.Writer())
		eu, bills := payments.Child("eu"), dev.Child("bills")
		w.fake.Set(eu, "KEY", "eu")
		w.get(payments, secret.NeedProof)
		w.get(eu, secret.NeedProof)
		must(w, to.RenameFolder(w.Context(), dev, "payments", "bills"))
		w.changes()
		before := len(w.fake.Requests())
		w.fake.Set(bills.Child("eu"), "KEY", "new")
		sleep(10 * time.Minute)
		for _, r := range w.fake.Requests()[before:] {
			require.False(w, payments.Contains(r.Dir), "%s", r.Dir)
		}
		require.Nil(w, w.Stats().LastError)
		changes := w.changes()
		require.Len(w, changes, 1)
		require.Equal(w, bills.Child("eu"), changes[0].Dir)
		old, _ := changes[0].Old.Secret("KEY")
		now, _ := changes[0].New.Secret("KEY")
		require.Equal(w, "eu", old.Value.Reveal())
		require.Equal(w, "new", now.Value.Reveal())
		require.Equal(w, 2, w.Stats().Watch.Folders)
	})
}

// What was denied and is then removed by somebody else is polled no longer.
func TestDeniedFolderThatIsGone(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.fake.Fail(payments, secret.ErrDenied)
		sleep(2 * time.Minute)
		w.fake.Fail(payments, nil)
		w.fake.Remove(dev, "payments")
		sleep(2 * time.Minute)
		require.Zero(w, w.Stats().Watch.Folders)
		require.Zero(w, w.calls(func() { sleep(2 * time.Hour) }).All())
	})
}
