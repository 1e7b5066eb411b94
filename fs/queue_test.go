package fs

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A close that is in the queue behind a rename is for the new name: not for the
// old one, which would come to be again.
func TestCloseQueuedBehindARename(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		w, k := alone(t, func(c *Config) { c.Overwrite = overwrite })
		f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("new"), 0)
		require.NoError(t, err)
		closed := make(chan error, 1)
		w.BeforeWrites(func(r secrettest.Request) {
			if r.Kind == secrettest.KindRename {
				w.BeforeWrites(nil)
				go func() { closed <- f.Close() }()
				w.queued(dev, 2)
			}
		})
		require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/HELLO"))
		require.NoError(t, <-closed)
		w.requireValue(t, dev, "HELLO", "new")
		_, again := w.Own(dev, "GREETING")
		require.False(t, again)
	}
}

// queued waits until so many have or wait for their turn in a folder.
func (w *world) queued(dir secret.Dir, many int) {
	for w.folderQueue.Len(dir) < many {
		runtime.Gosched()
	}
}
