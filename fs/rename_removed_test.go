package fs

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// Whoever removes a secret here, or renames it, has not been overtaken by anybody
// when a file that is older takes its name, however much later.
func TestTemporaryThatTakesANameThatIsFreeForLong(t *testing.T) {
	for name, leave := range map[string]func(*fusetest.Kernel) error{
		"removed": func(k *fusetest.Kernel) error { return k.Unlink(key) },
		"renamed": func(k *fusetest.Kernel) error { return k.Rename(key, "demo/dev/HELLO") },
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
				require.NoError(t, fusetest.WriteFile(k, "demo/dev/C.tmp", "new"))
				require.NoError(t, leave(k))
				pass(time.Hour)
				require.NoError(t, k.Unlink("demo/dev/EMPTY")) // others are forgotten meanwhile
				require.NoError(t, k.Rename("demo/dev/C.tmp", key))
				w.requireValue(t, dev, "GREETING", "new")
			})
		})
	}
}

// Somebody else who removes it, or makes another, has.
func TestTemporaryThatTakesANameThatSomebodyElseHasFreed(t *testing.T) {
	for name, then := range map[string]func(*testing.T, *world, *fusetest.Kernel){
		"removed": func(_ *testing.T, w *world, _ *fusetest.Kernel) { w.Remove(dev, "GREETING") },
		"made again": func(t *testing.T, w *world, k *fusetest.Kernel) {
			require.NoError(t, k.Unlink(key))
			pass(time.Hour)
			w.Set(dev, "GREETING", "theirs")
		},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
				require.NoError(t, fusetest.WriteFile(k, "demo/dev/C.tmp", "new"))
				then(t, w, k)
				pass(time.Hour)
				require.Equal(t, syscall.EBUSY, k.Rename("demo/dev/C.tmp", key))
				text, err := fusetest.ReadFile(k, "demo/dev/C.tmp")
				require.NoError(t, err)
				require.Equal(t, "new", text)
			}, ttl(-1))
		})
	}
}
