package snapshot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// What an edit takes out of a folder is gone for certain, unless something that is imported
// may be shown in its place.
func TestGone(t *testing.T) {
	before := &secret.Folder{Secrets: []secret.Secret{{Name: "A"}, {Name: "B"}}, Folders: []secret.Subfolder{{Name: "jobs"}}}
	after := before.With(func(f *secret.Folder) { f.Secrets, f.Folders, f.Partial = f.Secrets[1:], nil, true })
	require.Equal(t, []string{"A", "jobs"}, snapshot.Gone(before, after, []string{"A", "B", "C", "jobs"}))
	require.Empty(t, snapshot.Gone(before, after, nil))
	imports := before.With(func(f *secret.Folder) { f.Imports = true })
	require.Empty(t, snapshot.Gone(imports, after, []string{"A", "jobs"}))
}
