package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// granted is a world where the viewer may do nothing in the project but what it is
// granted in single folders: /payments/eu, with a secret KEY, as role.
func granted(t *testing.T, profile devserver.Profile, role devserver.FolderRole, until time.Time) (world, secret.Dir) {
	w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
	w.edit(t, func(e *devserver.Editor) error {
		return errors.Join(
			e.Mkdir("demo", "dev", "/payments/eu"), e.Set("demo", "dev", "/payments/eu", "KEY", "yes"),
			e.Grant("viewer", "demo", "no-access"),
			e.GrantFolder("viewer", "demo", "dev", "/payments/eu", role, until))
	})
	return w, payments.Child("eu")
}

// The folders above a grant are refused, whatever their lists look like, and lead to it.
func TestAGrantBelowRefusedFolders(t *testing.T) {
	w, eu := granted(t, devserver.Current, devserver.FolderRead, time.Time{})
	require.Equal(t, "yes", value(t, w.fetch(t, eu), "KEY"))
	for dir, below := range map[secret.Dir]string{dev: "payments", payments: "eu"} {
		w.ResetRequests()
		f := w.fetch(t, dir)
		require.ErrorIs(t, f.Denied, secret.ErrDenied)
		require.Empty(t, f.Secrets)
		_, ok := f.Subfolder(below)
		require.True(t, ok)
		require.Len(t, w.Requests(), 3, "two lists, and one question why the one is empty")
	}
	w.edit(t, func(e *devserver.Editor) error {
		return e.GrantFolder("viewer", "demo", "dev", "/payments/eu", devserver.FolderEdit, time.Time{})
	})
	_, err := w.client.Update(t.Context(), eu, "KEY", secret.NewValue("written"))
	require.NoError(t, err)
}

// That a folder is empty costs a question once, and none while the server says that
// nothing has changed.
func TestAnEmptyFolderIsAskedForOnce(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/empty") })
	w.fetch(t, dev)
	w.ResetRequests()
	f := w.fetch(t, dev.Child("empty"))
	require.NoError(t, f.Denied)
	require.Len(t, w.Requests(), 3)
	w.ResetRequests()
	f, err := w.client.Fetch(t.Context(), f.Dir, f)
	require.NoError(t, err)
	require.NoError(t, f.Denied)
	require.Len(t, w.Requests(), 2)
}

// Names without values are names of secrets that may not be read, and never the text that
// stands in for a value.
func TestAGrantToListOnly(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		w, eu := granted(t, profile, devserver.FolderList, time.Time{})
		f := w.fetch(t, eu)
		require.NoError(t, f.Denied, profile)
		hidden(t, f, "KEY")
		s, _ := f.Secret("KEY")
		require.ErrorIs(t, s.Unreadable(), secret.ErrDenied)
	}
}

func TestAGrantThatEndsByTheClock(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		synctest.Test(t, func(t *testing.T) {
			w, eu := granted(t, profile, devserver.FolderRead, time.Now().Add(time.Hour))
			w.edit(t, func(e *devserver.Editor) error {
				return e.GrantFolder("viewer", "demo", "dev", "/", devserver.FolderRead, time.Time{})
			})
			before := w.fetch(t, eu)
			require.NoError(t, before.Denied)
			time.Sleep(2 * time.Hour)
			after := before
			for range 3 {
				var err error
				after, err = w.client.Fetch(t.Context(), eu, after)
				require.NoError(t, err)
				require.ErrorIs(t, after.Denied, secret.ErrDenied, "and stays so")
				require.Empty(t, after.Secrets)
			}
			require.NotEmpty(t, w.fetch(t, dev).Secrets, "others are not concerned")
			w.edit(t, func(e *devserver.Editor) error {
				return e.GrantFolder("viewer", "demo", "dev", "/payments/eu", devserver.FolderRead, time.Now().Add(time.Hour))
			})
			again, err := w.client.Fetch(t.Context(), eu, after)
			require.NoError(t, err)
			require.NoError(t, again.Denied)
			require.Equal(t, "yes", value(t, again, "KEY"))
		})
	}
}

// One value that may not be read keeps no other from being read, however many there are.
func TestOneUnreadableValueAmongMany(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.edit(t, func(e *devserver.Editor) error {
		for i := range 40 {
			if err := e.Set("demo", "dev", "/payments", fmt.Sprintf("MANY_%d", i), fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return e.Hide("viewer", "demo", "dev", "/payments", "STRIPE_KEY")
	})
	w.fetch(t, dev)
	w.ResetRequests()
	f := w.fetch(t, payments)
	hidden(t, f, "STRIPE_KEY")
	for i := range 40 {
		require.Equal(t, fmt.Sprint(i), value(t, f, fmt.Sprintf("MANY_%d", i)))
	}
	require.Len(t, w.Requests(), 5, "folders, three lists of the folder, one of all that may be read")
}

// A server that does not list a folder's folders lets its secrets be read by name.
func TestAFolderWhoseFoldersAreNotListed(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		w.fetch(t, dev)
		w.Inject(devserver.Fault{Status: 403, Body: `{"statusCode":403,"error":"PermissionDenied","message":"x"}`, Match: func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/folders")
		}})
		f := w.fetch(t, dev)
		require.ErrorIs(t, f.Denied, secret.ErrDenied)
		require.Empty(t, f.Folders)
		require.Equal(t, "hello, world", value(t, f, "GREETING"))
	})
}
