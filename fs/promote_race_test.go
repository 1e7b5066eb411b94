package fs

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// once calls do before the first request of that kind.
func (w *world) once(kind secrettest.Kind, do func()) {
	done := false
	w.BeforeWrites(func(r secrettest.Request) {
		if r.Kind == kind && !done {
			done = true
			do()
		}
	})
}

// A backup that is about to take the place of its secret again does not make room
// for other temporaries: an empty value would take its place.
func TestWhatIsBeingSentIsNotDropped(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING", "new"))
		synctest.Wait()
		w.once(secrettest.KindStored, func() {
			for i := range overlay.MaxTemporary {
				sc := w.newScratch(t.Context(), &secret.Folder{Dir: payments}, kind{}, 0o600)
				require.True(t, w.overlay.Link(sc, payments, fmt.Sprint(i)))
			}
			synctest.Wait()
		})
		err := k.Rename("demo/dev/GREETING~", "demo/dev/GREETING")
		s, _ := w.Own(dev, "GREETING")
		require.NoError(t, err)
		require.Equal(t, "hello, world", s.Value.Reveal())
	})
}
