//go:build linux

package fs

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// Who has a file open sees its version or an error, whatever others who have another
// version open do with the pages of the file: the kernel has one set of them for all.
func TestPagesAreOfOneVersion(t *testing.T) {
	for name, row := range map[string]struct {
		path  string
		value func(letter string) string
	}{
		"with the page cache": {"KEY", func(letter string) string { return strings.Repeat(letter, 9000) }},
		"direct":              {"KEY", func(letter string) string { return strings.Repeat(letter, pagecache.OneRead+9000) }},
		"a view":              {".env", func(letter string) string { return strings.Repeat(letter, 9000) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(ttl(time.Hour))
			w.Set(dev, "KEY", row.value("a"))
			path := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages) + "/demo/dev/" + row.path
			p := startPageProgram(t)
			oldText := p.open("old", path, os.O_RDONLY)
			p.must(pageRequest{Do: "map", File: "old"})
			text, err := p.read("mapping", "old")
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(text, oldText))

			w.announce(w.change(t, dev, func() { w.Set(dev, "KEY", row.value("b")) }))
			newText := p.open("new", path, os.O_RDONLY)
			require.NotEqual(t, oldText, newText)
			// is requires that what is seen of a file is of its version. A mapping may go on
			// where the version ends.
			is := func(version, how, file, after string) {
				t.Helper()
				text, err := p.read(how, file)
				text = text[:min(len(text), len(version))]
				require.True(t, err != nil || strings.HasPrefix(version, text), "%s of the %s version, after %s", how, file, after)
			}
			for _, first := range []string{"mmap", "sendfile", "splice", "readahead"} {
				for second := range pageReaders {
					is(newText, first, "new", second)
					is(oldText, second, "old", first)
					is(oldText, "mapping", "old", first)
					is(newText, first, "new", second)
				}
			}
			p.must(pageRequest{Do: "unmap", File: "old"})
			p.must(pageRequest{Do: "close", File: "old"})
			require.Eventually(t, func() bool {
				text, err := p.read("sendfile", "new")
				return err == nil && strings.HasPrefix(newText, text)
			}, time.Minute, time.Millisecond, "nobody has another version open any more")
			is(newText, "mmap", "new", "the end of the old one")
			_, err = p.read("mmap", "new")
			require.NoError(t, err)
		})
	}
}

// Who has lost what he has open sees nothing of what others may see again.
func TestWhatIsRevokedSeesNoPages(t *testing.T) {
	for name, row := range map[string]struct {
		path string
		size int
	}{
		"with the page cache": {"KEY", 9000},
		"direct":              {"KEY", pagecache.OneRead + 1},
		"a view":              {".env", 9000},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(ttl(time.Hour))
			w.Set(dev, "KEY", strings.Repeat("v", row.size))
			path := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages) + "/demo/dev/" + row.path
			p := startPageProgram(t)
			p.open("old", path, os.O_RDONLY)
			w.announce(secret.Change{Dir: dev, Err: secret.ErrDenied})
			_, err := p.read("read", "old")
			require.ErrorIs(t, err, unix.EACCES)

			p.open("new", path, os.O_RDONLY)
			for _, how := range []string{"mmap", "sendfile", "readahead"} {
				_, _ = p.read(how, "new")
				text, err := p.read("sendfile", "old")
				require.Error(t, err, "%d bytes after %s", len(text), how)
			}
			p.must(pageRequest{Do: "close", File: "old"})
			require.Eventually(t, func() bool {
				_, err := p.read("sendfile", "new")
				return err == nil
			}, time.Minute, time.Millisecond)
		})
	}
}
