//go:build linux

package fs

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// Who reads on while somebody here empties the file to write it gets an error and
// not an early end, also if the kernel learns something else while it asks for
// the size.
func TestReadingOnWhileSomebodyEmptiesTheFile(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages)
	t.Cleanup(w.Close)
	w.Set(dev, "GREETING", strings.Repeat("x", 5000))
	path := mnt + "/demo/dev/GREETING"
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = io.ReadFull(f, make([]byte, 10))
	require.NoError(t, err)

	writer, err := unix.Open(path, unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(writer)
	asked, learns := make(chan struct{}, 100), make(chan struct{})
	w.answer(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		if dir == dev {
			asked <- struct{}{}
			<-learns
		}
		return w.Folder(ctx, dir, need)
	})
	end := make(chan error, 1)
	go func() {
		_, err := f.Read(make([]byte, 100))
		end <- err
	}()
	select {
	case <-asked: // for the size, since the kernel has made it 0
		forgetAttr(w.inode(dev).GetChild("GREETING"))
		close(learns)
		err = <-end
	case err = <-end:
		close(learns)
	}
	require.True(t, errors.Is(err, syscall.ESTALE), "%v", err)
}
