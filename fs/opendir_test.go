package fs

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// df, automounters and monitors open the root of each mount. That must not hang
// on a server, whatever listing it then does.
func TestOpeningTheRootAsksNobody(t *testing.T) {
	w := newWorld()
	w.answer(func(ctxt, secret.Dir, secret.Need) (*secret.Folder, error) {
		t.Error("the server is asked")
		return nil, secret.ErrUnavailable
	})
	root := fusetest.Mounted(t, w.Root(), w.Options())
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(root, &st))
	var sfs unix.Statfs_t
	require.NoError(t, unix.Statfs(root, &sfs))
}
