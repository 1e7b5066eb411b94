package fs

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/internal/fusetest"
)

// A name that is longer than a file name can be is said to be that, whatever is
// done with it. Linux hands such names on to file systems.
func TestNamesThatAreTooLong(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		for _, name := range []string{strings.Repeat("n", filename.Max+1), strings.Repeat("n", 1024), "." + strings.Repeat("n", filename.Max-3) + ".tmp"} {
			long := "demo/dev/" + name
			for what, try := range map[string]func() error{
				"stat":       func() error { _, err := v.Stat(long); return err },
				"create":     func() error { return v.Create(long) },
				"mkdir":      func() error { return v.Mkdir(long) },
				"mknod":      func() error { return v.Mknod(long) },
				"symlink":    func() error { return v.Symlink("x", long) },
				"unlink":     func() error { return v.Unlink(long) },
				"rmdir":      func() error { return v.Rmdir(long) },
				"rename":     func() error { return v.Rename("demo/dev/GREETING", long) },
				"rename it":  func() error { return v.Rename(long, "demo/dev/GREETING") },
				"below root": func() error { _, err := v.Stat(name); return err },
			} {
				if _, direct := v.(*fusetest.Kernel); direct && strings.Contains("mknod symlink unlink rmdir rename it", what) {
					continue // the kernel looks names up first
				}
				require.Equal(t, syscall.ENAMETOOLONG, try(), what)
			}
		}
		longest := strings.Repeat("n", filename.Max)
		require.NoError(t, v.Create("demo/dev/"+longest))
		require.Equal(t, syscall.ENOENT, v.Unlink("demo/dev/"+longest[1:]))
		require.Eventually(t, func() bool { _, there := w.Own(dev, longest); return there }, time.Minute, time.Millisecond)
	})
}
