package integration

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// A bulk answer leaves out what may not be read without a word. A folder of which
// it tells nothing is listed only when its own list says that it is empty.
func TestWhatABulkAnswerIsSilentAbout(t *testing.T) {
	play(t, devserver.Config{}, cache.Config{}, nil, func(w *world) {
		empty, denied := prod.Child("empty"), w.dirs[7]
		w.edit(func(e *devserver.Editor) error {
			if err := e.Mkdir("demo", "prod", empty.Path); err != nil {
				return err
			}
			return e.Deny("viewer", "demo", "prod", denied.Path)
		})
		list := func(dir secret.Dir) (*secret.Folder, error) {
			f, err := w.cache.Folder(w.Context(), dir, secret.NeedListing)
			if err == nil {
				err = f.Denied
			}
			return f, err
		}
		_, err := list(prod)
		require.NoError(w, err)
		for _, dir := range w.dirs[:5] {
			_, err := list(dir)
			require.NoError(w, err)
		}
		_, err = list(denied)
		require.ErrorIs(w, err, secret.ErrDenied)
		f, err := list(empty)
		require.NoError(w, err)
		require.Empty(w, f.Secrets)

		// Once it has said so itself, bulk answers that tell nothing renew that.
		for range 30 {
			time.Sleep(time.Minute)
			synctest.Wait()
			f, err = list(empty)
			require.NoError(w, err)
			require.Empty(w, f.Secrets)
			require.False(w, f.Stale)
		}
	})
}
