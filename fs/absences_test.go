package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// What the kernel may take for absent is known in whole, so there is a bound to it.
func TestAbsencesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a absences
		for i := range rememberedAbsences {
			require.True(t, a.add(nil, fmt.Sprint(i), absentFor))
		}
		require.False(t, a.add(nil, "one too many", absentFor))
		require.Len(t, a.all(), rememberedAbsences)
		<-time.After(absentFor + 1)
		require.True(t, a.add(nil, "later", absentFor))
		require.Len(t, a.all(), 1)
	})
}

// A name that was absent and is a folder by now keeps its dentry: somebody may be
// in it, and getcwd(2) would say ENOENT.
func TestAbsentNameThatIsAFolderByNow(t *testing.T) {
	w := newWorld(writing, ttl(time.Hour))
	t.Cleanup(w.Close)
	at := filepath.Join(fusetest.Mounted(t, w.Root(), w.Options()), "demo/dev")
	require.NoDirExists(t, at+"/jobs")
	require.Len(t, w.absences.all(), 1)
	w.announce(w.change(t, dev, func() { w.Mkdir(dev.Child("jobs")) }))
	inside, err := unix.Open(at+"/jobs", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(inside)
	w.announce(secret.Change{Deep: true})
	is, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", inside))
	require.NoError(t, err)
	require.Equal(t, at+"/jobs", is, "with (deleted) at its end: the dentry was dropped")
}
