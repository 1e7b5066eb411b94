package cache_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func text(s string) secret.Value { return secret.NewValue(s) }

// writing is bubble with a Writer, after the folders have been looked at.
func writing(t *testing.T, test func(w *world, to secret.Writer)) {
	t.Helper()
	bubble(t, cache.Config{}, func(w *world) {
		for _, dir := range []secret.Dir{dev, payments, billing} {
			w.get(dir, secret.NeedProof)
		}
		test(w, w.Writer(w.fake.Writer()))
	})
}

func (w *world) lists(dir secret.Dir) (list []string) {
	w.Helper()
	folder := w.get(dir, secret.NeedListing)
	for _, s := range folder.Secrets {
		list = append(list, s.Name)
	}
	for _, f := range folder.Folders {
		list = append(list, f.Name+"/")
	}
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	require.NoError(t, err)
}

func TestOwnValuesShowAtOnceWithoutARequest(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		w.changes()
		requests := w.calls(func() {
			s, err := to.Update(w.Context(), payments, "KEY", text(" two "))
			must(w, err)
			require.Equal(w, "two", s.Value.Reveal())
			require.Equal(w, "two", w.value(payments, "KEY"))
			_, err = to.Create(w.Context(), payments, "NEW", text("new"))
			must(w, err)
			require.Equal(w, "new", w.value(payments, "NEW"))
			require.Equal(w, []string{"KEY", "NEW"}, w.lists(payments))
			note := "a note"
			_, err = to.Annotate(w.Context(), payments, "NEW", &note, []string{"tag"})
			must(w, err)
			shown, _ := w.get(payments, secret.NeedEntry).Secret("NEW")
			require.Equal(w, "a note", shown.Comment)
			require.Equal(w, []string{"tag"}, shown.Tags)
			require.Equal(w, "new", shown.Value.Reveal())
			_, err = to.Update(w.Context(), payments, "NEW", text("newer"))
			must(w, err)
			shown, _ = w.get(payments, secret.NeedEntry).Secret("NEW")
			require.Equal(w, "newer", shown.Value.Reveal())
			require.Equal(w, "a note", shown.Comment, "kept")
		})
		require.Zero(w, requests.All())
		changes := w.changes()
		require.Len(w, changes, 4)
		before, _ := changes[0].Old.Secret("KEY")
		after, _ := changes[0].New.Secret("KEY")
		require.Equal(w, "one", before.Value.Reveal())
		require.Equal(w, "two", after.Value.Reveal())
	})
}

// An edited snapshot lives no longer than the answer that it comes from, and is
// not what a conditional request may confirm.
func TestEditedSnapshotsGrowOldAsBefore(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		sleep(50 * time.Second)
		_, err := to.Create(w.Context(), payments, "NEW", text("new"))
		must(w, err)
		require.Zero(w, w.calls(func() { w.value(payments, "NEW") }).All())
		w.fake.Remove(payments, "NEW")
		sleep(15 * time.Second)
		require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() {
			require.Equal(w, []string{"KEY"}, w.lists(payments))
		}))
	})
}

func TestDeletedNames(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		source := dev.Child("shared")
		w.fake.Put(payments, secret.Secret{Name: "KEY", ID: "imported", Value: text("imported"), Import: &source})
		w.fake.Set(payments, "OTHER", "value")
		w.Expire()
		w.get(payments, secret.NeedProof)

		must(w, to.Delete(w.Context(), payments, "KEY"))
		require.Zero(w, w.calls(func() {
			require.Equal(w, "value", w.value(payments, "OTHER"))
			folder := w.get(payments, secret.NeedEntry)
			_, there := folder.Secret("KEY")
			require.False(w, there)
			require.True(w, folder.Partial, "which proves nothing")
		}).All())
		require.Equal(w, []string{"KEY", "OTHER"}, w.lists(payments), "the import comes forth")
		require.Equal(w, "imported", w.value(payments, "KEY"))

		_, err := to.Create(w.Context(), payments, "KEY", text("own"))
		must(w, err)
		require.Zero(w, w.calls(func() { require.Equal(w, "own", w.value(payments, "KEY")) }).All())
		shown, _ := w.get(payments, secret.NeedEntry).Secret("KEY")
		require.Nil(w, shown.Import)
	})
}

func TestDeletedNamesInAnOutage(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		must(w, to.Delete(w.Context(), payments, "KEY"))
		w.fake.FailAll(secret.ErrUnavailable)
		_, there := w.get(payments, secret.NeedEntry).Secret("KEY")
		require.False(w, there)
		_, err := w.Folder(w.Context(), payments, secret.NeedListing)
		require.ErrorIs(w, err, secret.ErrUnavailable, "whether an import came forth is not known")
	})
}

func TestRenamedAndMoved(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		require.Zero(w, w.calls(func() {
			_, err := to.Rename(w.Context(), payments, "KEY", "NEW")
			must(w, err)
			require.Equal(w, "one", w.value(payments, "NEW"))
			_, there := w.get(payments, secret.NeedEntry).Secret("KEY")
			require.False(w, there)
		}).All())
		require.Equal(w, []string{"NEW"}, w.lists(payments))

		must(w, to.Move(w.Context(), payments, "NEW", billing))
		_, there := w.get(payments, secret.NeedEntry).Secret("NEW")
		require.False(w, there)
		require.Equal(w, "one", w.value(billing, "NEW"))
		require.Equal(w, []string{"KEY", "NEW"}, w.lists(billing))
		require.Empty(w, w.lists(payments))
	})
}

func TestFolders(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		eu := payments.Child("eu")
		w.fails(eu, secret.ErrNotFound)
		w.changes()
		must(w, to.CreateFolder(w.Context(), payments, "eu"))
		require.Zero(w, w.calls(func() { require.Equal(w, []string{"KEY", "eu/"}, w.lists(payments)) }).All())
		require.Empty(w, w.lists(eu), "the absence is forgotten")
		require.Len(w, w.changes(), 1)
		_, err := to.Create(w.Context(), eu, "KEY", text("eu"))
		must(w, err)

		must(w, to.RenameFolder(w.Context(), dev, "payments", "bills"))
		require.Equal(w, []string{"GREETING", "billing/", "bills/"}, w.lists(dev))
		w.fails(payments, secret.ErrNotFound)
		w.fails(eu, secret.ErrNotFound)
		require.Equal(w, "eu", w.value(dev.Child("bills").Child("eu"), "KEY"))

		must(w, to.CreateFolder(w.Context(), dev, "empty"))
		require.Empty(w, w.lists(dev.Child("empty")))
		must(w, to.DeleteFolder(w.Context(), dev, "empty"))
		require.NotContains(w, w.lists(dev), "empty/")
		w.fails(dev.Child("empty"), secret.ErrNotFound)
	})
}

// The server's own list brings the folder's id, which is no change.
func TestAFolderOfOursIsNotNewsTwice(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		must(w, to.CreateFolder(w.Context(), dev, "new"))
		require.Len(w, w.changes(), 1)
		w.Expire()
		w.lists(dev)
		require.Empty(w, w.changes())
	})
}

func TestWritingWithAnEmptyOrClosedCache(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		to := w.Writer(w.fake.Writer())
		_, err := to.Update(w.Context(), payments, "KEY", text("two"))
		must(w, err)
		require.Equal(w, "two", w.value(payments, "KEY"))
		w.Close()
		_, err = to.Update(w.Context(), payments, "KEY", text("three"))
		must(w, err)
	})
}

// OnChange is not called from within a change, or a request of the kernel's
// would wait for notifications to the kernel.
func TestChangesDoNotWaitForNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := secrettest.NewFake()
		fake.Set(payments, "KEY", "one")
		block := make(chan struct{})
		c := cache.New(fake, cache.Config{Watch: cache.WatchOff, OnChange: func(secret.Change) { <-block }})
		_, err := c.Folder(t.Context(), payments, secret.NeedProof)
		require.NoError(t, err)
		to := c.Writer(fake.Writer())
		for _, v := range []string{"two", "three"} {
			_, err = to.Update(t.Context(), payments, "KEY", text(v))
			require.NoError(t, err)
		}
		close(block)
		c.Close()
	})
}

// What is told of a change of our own says what it is about: a small change in a
// large folder shall be small work.
func TestNewsOfOwnChangesSayWhatTheyAreAbout(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		w.changes()
		ctx, note := w.Context(), "a note"
		for _, write := range []struct {
			do   func() error
			want []string
		}{
			{func() error { _, err := to.Create(ctx, payments, "A", text("v")); return err }, []string{"A"}},
			{func() error { _, err := to.Update(ctx, payments, "A", text("w")); return err }, []string{"A"}},
			{func() error { _, err := to.Annotate(ctx, payments, "A", &note, nil); return err }, []string{"A"}},
			{func() error { _, err := to.Rename(ctx, payments, "A", "B"); return err }, []string{"A", "B"}},
			{func() error { return to.Delete(ctx, payments, "B") }, []string{"B"}},
			{func() error { return to.CreateFolder(ctx, payments, "sub") }, []string{"sub"}},
			{func() error { return to.RenameFolder(ctx, payments, "sub", "other") }, []string{"sub", "other"}},
			{func() error { return to.DeleteFolder(ctx, payments, "other") }, []string{"other"}},
		} {
			must(w, write.do())
			var got []secret.Change
			for _, change := range w.changes() {
				if change.Dir == payments {
					got = append(got, change)
				}
			}
			require.Len(w, got, 1, write.want)
			require.Equal(w, write.want, got[0].Names)
			// And they are about nothing else.
			require.Equal(w, elsewhere(got[0].Old, write.want), elsewhere(got[0].New, write.want))
		}
	})
}

// elsewhere is what a snapshot has under other names.
func elsewhere(snap *secret.Folder, names []string) (list []string) {
	for _, s := range snap.Secrets {
		if !slices.Contains(names, s.Name) {
			list = append(list, fmt.Sprint(s.Name, s.ID, s.Version, s.Value.Reveal(), s.Updated, s.Hidden))
		}
	}
	for _, sub := range snap.Folders {
		if !slices.Contains(names, sub.Name) {
			list = append(list, fmt.Sprint(sub.Name, sub.ID, sub.Updated))
		}
	}
	return list
}
