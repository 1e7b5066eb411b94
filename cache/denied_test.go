package cache

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// blindfold is an upstream that refuses the secrets of every folder, not the
// folders, while on.
type blindfold struct {
	*secrettest.Fake
	on atomic.Bool
}

func (b *blindfold) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	f, err := b.Fake.Fetch(ctx, dir, nil)
	if err == nil && dir.IsFolder() && b.on.Load() {
		f = f.With(func(f *secret.Folder) { f.Secrets, f.Denied = nil, fmt.Errorf("list: %w", secret.ErrDenied) })
	}
	return f, err
}

// A folder that turns out to be forbidden, but for its subfolders, is a purge.
func TestAFolderWhoseSecretsAreDeniedIsPurged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &blindfold{Fake: secrettest.NewFake()}
		dir := secret.Dir{Project: "demo", Env: "dev", Path: "/"}
		up.Set(dir, "KEY", "fake-value")
		up.Mkdir(dir.Child("below"))
		var changes []secret.Change
		c := New(up, Config{Watch: WatchOff, TTL: time.Minute, OnChange: func(change secret.Change) { changes = append(changes, change) }})
		defer c.Close()
		_, err := c.Folder(t.Context(), dir, secret.NeedEntry)
		require.NoError(t, err)

		up.on.Store(true)
		time.Sleep(2 * time.Minute)
		f, err := c.Folder(t.Context(), dir, secret.NeedEntry)
		require.NoError(t, err)
		synctest.Wait()
		require.ErrorIs(t, f.Denied, secret.ErrDenied)
		require.Empty(t, f.Secrets)
		require.Len(t, f.Folders, 1)
		require.Len(t, changes, 1)
		require.ErrorIs(t, changes[0].Err, secret.ErrDenied)
		require.EqualValues(t, 1, c.Stats().Purges)

		up.on.Store(false)
		time.Sleep(2 * time.Minute)
		f, err = c.Folder(t.Context(), dir, secret.NeedEntry)
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, f.Denied)
		require.Len(t, f.Secrets, 1)
		require.Len(t, changes, 2)
		require.NoError(t, changes[1].Err)
	})
}

// It is not polled: each time would be a refusal. Once shown, it is polled on.
func TestAFolderWhoseSecretsAreDeniedIsNotPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &blindfold{Fake: secrettest.NewFake()}
		dir := secret.Dir{Project: "demo", Env: "dev", Path: "/"}
		up.Set(dir, "KEY", "fake-value")
		up.on.Store(true)
		var changes []secret.Change
		c := New(up, Config{OnChange: func(change secret.Change) { changes = append(changes, change) }})
		defer c.Close()
		_, err := c.Folder(t.Context(), dir, secret.NeedEntry)
		require.NoError(t, err)
		time.Sleep(30 * time.Minute)
		require.Zero(t, c.Stats().Watch.Polls)

		up.on.Store(false)
		_, err = c.Folder(t.Context(), dir, secret.NeedEntry)
		require.NoError(t, err)
		synctest.Wait()
		changes = nil
		up.on.Store(true)
		time.Sleep(time.Minute)
		up.on.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, changes, 2)
		require.ErrorIs(t, changes[0].Err, secret.ErrDenied)
		require.NoError(t, changes[1].Err)
	})
}
