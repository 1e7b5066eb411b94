package fs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret/secrettest"
)

// What is written into a folder while it is removed waits: old servers remove
// folders with all that is in them, also what they have acknowledged just before.
func TestRmdirAndCreateBelow(t *testing.T) {
	w, k := alone(t)
	hollow := dev.Child("hollow")
	w.Mkdir(hollow)
	written := make(chan error, 1)
	w.BeforeWrites(func(r secrettest.Request) {
		if r.Kind == secrettest.KindDeleteFolder {
			w.BeforeWrites(nil)
			go func() { written <- fusetest.WriteFile(k, "demo/dev/hollow/NEW", "x") }()
			w.queued(hollow, 2)
		}
	})
	require.NoError(t, k.Rmdir("demo/dev/hollow"))
	require.Error(t, <-written)
	require.Equal(t, "delete folder hollow", w.Writes()[0])
	require.Equal(t, map[string]string{"NEW.1": "x"}, w.rejectedTexts())
}
