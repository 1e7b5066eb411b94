package fs

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// Who fails to create a file and tries again at once may meet what is left of
// the first attempt, but never hears that what he creates does not exist.
func TestCreateAgainAtOnce(t *testing.T) {
	w := newWorld(writing, ttl(time.Minute))
	t.Cleanup(w.Close)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	w.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
	v := fusetest.Disk(mnt)
	for i := range 500 {
		require.Equal(t, syscall.EIO, fusetest.WriteFile(v, "demo/dev/NEW", "x"), i)
	}
}
