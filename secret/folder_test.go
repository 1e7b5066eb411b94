package secret_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestFolderFindsByExactName(t *testing.T) {
	f := &secret.Folder{
		Secrets: []secret.Secret{{Name: "b"}, {Name: "B"}, {Name: ""}, {Name: "ä"}, {Name: "a"}},
		Folders: []secret.Subfolder{{Name: "z"}, {Name: "x"}},
	}
	f.Sort()
	for _, name := range []string{"", "B", "a", "b", "ä"} {
		s, ok := f.Secret(name)
		require.True(t, ok, "%q", name)
		require.Equal(t, name, s.Name)
	}
	for _, name := range []string{"A", "aa", "x", "c"} {
		_, ok := f.Secret(name)
		require.False(t, ok, "%q", name)
	}
	for name, want := range map[string]bool{"x": true, "z": true, "y": false, "a": false, "": false} {
		sub, ok := f.Subfolder(name)
		require.Equal(t, want, ok, "%q", name)
		if ok {
			require.Equal(t, name, sub.Name)
		}
	}
}

func TestEmptyFolderFindsNothing(t *testing.T) {
	f := &secret.Folder{}
	f.Sort()
	_, ok := f.Secret("")
	require.False(t, ok)
	_, ok = f.Subfolder("")
	require.False(t, ok)
}

func TestFolderWithLeavesTheOriginalAlone(t *testing.T) {
	f := &secret.Folder{Dir: folder, Secrets: []secret.Secret{{Name: "a"}}}
	next := f.With(func(f *secret.Folder) { f.Stale, f.Secrets = true, nil })
	require.True(t, next.Stale)
	require.Empty(t, next.Secrets)
	require.Equal(t, folder, next.Dir)
	require.False(t, f.Stale)
	require.Len(t, f.Secrets, 1)
}

func TestBackground(t *testing.T) {
	require.False(t, secret.IsBackground(context.Background()))
	ctx, cancel := context.WithCancel(secret.Background(context.Background()))
	defer cancel()
	require.True(t, secret.IsBackground(ctx))
}
