package fs

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/secret"
)

// Each doubt lets go of the process that it was told of, however many come at once.
func TestDoubtsLetGoOfTheirMakers(t *testing.T) {
	for range 300 {
		f := New(Config{})
		f.life = t.Context()
		f.makers.Watch = func(int, func(procend.How)) (func(), error) { return func() {}, nil }
		sc := f.overlay.New(&secret.Folder{}, overlay.Temporary, overlay.Made{Data: &scratchData{}})
		var all sync.WaitGroup
		for pid := range 4 {
			all.Go(func() { f.doubt(sc, caller.Process{PID: pid + 7}) })
		}
		all.Wait()
		f.followers.Wait() // not linked: settled at once
		require.Zero(t, f.makers.Watched())
	}
}
