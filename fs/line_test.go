package fs

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A close that waits in line behind a rename is for the new name: not for the
// old one, which would come to be again.
func TestCloseInLineBehindARename(t *testing.T) {
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
				w.inLine(dev, 2)
			}
		})
		require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/HELLO"))
		require.NoError(t, <-closed)
		w.requireValue(t, dev, "HELLO", "new")
		_, again := w.Own(dev, "GREETING")
		require.False(t, again)
	}
}

// inLine waits until so many have or wait for their turn in a folder.
func (w *world) inLine(dir secret.Dir, many int) {
	for used := 0; used < many; runtime.Gosched() {
		w.lines.mu.Lock()
		if lane := w.lines.lanes[dir]; lane != nil {
			used = lane.used
		}
		w.lines.mu.Unlock()
	}
}
