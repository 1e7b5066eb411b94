package lastlisting

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestFindsWhatWasMadeOfTheSame(t *testing.T) {
	var m Memo[string]
	snap := &secret.Folder{Secrets: []secret.Secret{{Name: "A"}, {Name: "B"}}, Folders: []secret.Subfolder{{Name: "C"}}}
	_, _, ok := m.Find(snap, 0)
	require.False(t, ok)
	m.Keep(snap, 7, []string{"A", "B"}, 42)
	entries, print, ok := m.Find(snap.With(func(f *secret.Folder) { f.Stale = true }), 7)
	require.True(t, ok, "the same secrets and folders, whatever their age")
	require.Len(t, entries, 2)
	require.EqualValues(t, 42, print)
	for what, change := range map[string]func(*secret.Folder){
		"fewer secrets": func(f *secret.Folder) { f.Secrets = f.Secrets[:1] },
		"other secrets": func(f *secret.Folder) { f.Secrets = append([]secret.Secret(nil), f.Secrets...) },
		"no folders":    func(f *secret.Folder) { f.Folders = nil },
		"other folders": func(f *secret.Folder) { f.Folders = []secret.Subfolder{{Name: "C"}} },
	} {
		_, _, ok := m.Find(snap.With(change), 7)
		require.False(t, ok, what)
	}
	_, _, ok = m.Find(snap, 8)
	require.False(t, ok, "something was renamed")
	runtime.KeepAlive(snap)
}

// A listing is not kept for longer than its snapshot.
func TestGoesWithTheSnapshot(t *testing.T) {
	m := &Memo[string]{}
	snap := &secret.Folder{Secrets: []secret.Secret{{Name: "A"}}}
	m.Keep(snap, 0, []string{"A"}, 1)
	runtime.GC()
	require.NotNil(t, m.last.Load())
	runtime.KeepAlive(snap)
	require.Eventually(t, func() bool { runtime.GC(); return m.last.Load() == nil }, 10*time.Second, time.Millisecond)
}
