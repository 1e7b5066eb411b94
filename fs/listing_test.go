package fs

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

func TestListings(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for path, want := range map[string][]string{
			"": {"demo"}, "demo": {"dev"}, "demo/dev": {"payments", "EMPTY", "GREETING"}, "demo/dev/payments": {"API_KEY"},
		} {
			names, err := fusetest.Names(v, path)
			require.NoError(t, err)
			require.Equal(t, want, names, path)
		}
	})
}

func TestListingTellsWhatStatTells(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		entries, err := v.ReadDir("demo/dev")
		require.NoError(t, err)
		require.Len(t, entries, 3)
		for _, e := range entries {
			a, err := v.Stat("demo/dev/" + e.Name)
			require.NoError(t, err)
			require.Equal(t, a.Ino, e.Ino)
			require.Equal(t, a.IsDir(), e.IsDir)
		}
	})
}

func TestStrangeNames(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		names := []string{"a/b", "100%", "..", "..data", "", "tab\t", "payments", "X", "X%secret", "grüße ✓", longName, longName + "2", ".env"}
		for _, name := range names {
			w.Set(payments, name, "value of "+name)
		}
		w.Mkdir(payments.Child("payments"))
		w.Mkdir(payments.Child("..data"))
		w.Set(payments.Child(longName), "INSIDE", "found")
		listed, err := fusetest.Names(v, "demo/dev/payments")
		require.NoError(t, err)
		require.Len(t, listed, len(names)+1+3) // API_KEY and the folders
		for _, name := range names {
			shown := filename.Encode(name)
			if name == "payments" || name == "..data" || name == longName {
				shown = filename.Beside(name)
			}
			require.Contains(t, listed, shown)
			text, err := fusetest.ReadFile(v, "demo/dev/payments/"+shown)
			require.NoError(t, err, shown)
			require.Equal(t, "value of "+name, text)
			key, err := v.Getxattr("demo/dev/payments/"+shown, "user.infisical.key")
			if name != "" {
				require.NoError(t, err, shown)
				require.Equal(t, name, key)
			}
		}
		text, err := fusetest.ReadFile(v, "demo/dev/payments/"+filename.Encode(longName)+"/INSIDE")
		require.NoError(t, err)
		require.Equal(t, "found", text)
		a, err := v.Stat("demo/dev/payments/payments")
		require.NoError(t, err)
		require.True(t, a.IsDir())
	})
}

var longName = string(slices.Repeat([]byte("long%"), 60))[:299]

func TestThousandEntries(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		var want []string
		for i := range 1000 {
			name := fmt.Sprintf("SECRET_NUMBER_%04d", i)
			want = append(want, name)
			w.Set(payments.Child("many"), name, name)
		}
		names, err := fusetest.Names(v, "demo/dev/payments/many")
		require.NoError(t, err)
		require.Equal(t, want, names)
		before := w.Calls().All()
		_, err = v.ReadDir("demo/dev/payments/many")
		require.NoError(t, err)
		require.Less(t, w.Calls().All()-before, 20, "a listing asks for its own folder once, and for no entry")
	})
}

// A listing in several pieces shows one snapshot, and rewinding shows the next.
func TestListingIsOneSnapshot(t *testing.T) {
	w := newWorld()
	dir := payments.Child("many")
	for i := range 200 {
		w.Set(dir, fmt.Sprintf("OLD_%03d", i), "x")
	}
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	fd, err := unix.Open(mnt+"/demo/dev/payments/many", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	list := func() (names []string) {
		buf := make([]byte, 1024)
		for {
			n, err := unix.ReadDirent(fd, buf)
			require.NoError(t, err)
			if n == 0 {
				return names
			}
			_, _, names = unix.ParseDirent(buf[:n], -1, names)
			w.Set(dir, "NEW", "x")
		}
	}
	require.Len(t, list(), 200)
	_, err = unix.Seek(fd, 0, 0)
	require.NoError(t, err)
	require.Len(t, list(), 201)
}

// A program may return to any place in a listing.
func TestSeekInAListing(t *testing.T) {
	w := newWorld()
	dir := payments.Child("many")
	for i := range 500 {
		w.Set(dir, fmt.Sprintf("KEY_%03d", i), "x")
	}
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	fd, err := unix.Open(mnt+"/demo/dev/payments/many", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	first := func() (name string, next int64) {
		buf := make([]byte, 64) // room for one entry or two
		n, err := unix.ReadDirent(fd, buf)
		require.NoError(t, err)
		_, _, names := unix.ParseDirent(buf[:n], 1, nil)
		return append(names, "")[0], int64(binary.NativeEndian.Uint64(buf[8:]))
	}
	for _, off := range []int64{2, 400, 17, 499, 3, 450} { // two dots come first
		_, err := unix.Seek(fd, off, unix.SEEK_SET)
		require.NoError(t, err)
		name, next := first()
		require.Equal(t, fmt.Sprintf("KEY_%03d", off-2), name)
		require.Equal(t, off+1, next)
	}
	_, err = unix.Seek(fd, 5000, unix.SEEK_SET)
	require.NoError(t, err)
	_, err = unix.ReadDirent(fd, make([]byte, 1024))
	require.Equal(t, syscall.EINVAL, err)
	require.NoError(t, unix.Fsync(fd))
}

func TestListingHasDots(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	_, err := k.Lookup("demo/dev")
	require.NoError(t, err)
	for _, c := range []struct {
		node         *dir
		self, parent secret.Dir
	}{
		{w.root, secret.Dir{}, secret.Dir{}},
		{w.root.GetChild("demo").GetChild("dev").Operations().(*dir), dev, project},
	} {
		entries := c.node.entries(snapshot(t, w.Fake, c.self), overlay.Shown{})
		require.Equal(t, ".", entries[0].Name)
		require.Equal(t, inode.OfDir(c.self).Ino, entries[0].Ino)
		require.Equal(t, "..", entries[1].Name)
		require.Equal(t, inode.OfDir(c.parent).Ino, entries[1].Ino)
	}
}

func TestUnaddressableFoldersAreNotListed(t *testing.T) {
	w := newWorld()
	snap := snapshot(t, w.Fake, dev).With(func(f *secret.Folder) {
		f.Folders = []secret.Subfolder{{Name: ".."}, {Name: "a/b"}, {Name: "ok"}}
	})
	w.cfg.Root = dev
	w.answer(func(ctxt, secret.Dir, secret.Need) (*secret.Folder, error) { return snap, nil })
	k := fusetest.Direct(t, w.Root(), w.Options())
	names, err := fusetest.Names(k, "")
	require.NoError(t, err)
	require.Equal(t, []string{"ok", "EMPTY", "GREETING"}, names)
	for _, name := range []string{"%2E%2E", "a%2Fb"} {
		_, err := k.Lookup(name)
		require.Equal(t, syscall.ENOENT, err)
	}
}

// A walk may be served from Partial snapshots: proof of each would be a request
// per folder.
func TestListingTakesPartialSnapshots(t *testing.T) {
	w := newWorld()
	var needs []secret.Need
	w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		needs = append(needs, need)
		snap, err := w.Folder(ctx, dir, need)
		return snap.With(func(f *secret.Folder) { f.Partial, f.NoSubfolders = true, need == secret.NeedListing && dir == project }), err
	})
	k := fusetest.Direct(t, w.Root(), w.Options())
	_, err := k.ReadDir("")
	require.NoError(t, err)
	require.Equal(t, []secret.Need{secret.NeedListing}, needs)
}

func TestStatfsNeedsNoServer(t *testing.T) {
	w := newWorld()
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	_, err := fusetest.Disk(mnt).Stat("demo/dev/GREETING")
	require.NoError(t, err)
	w.FailAll(secret.ErrUnavailable)
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(mnt, &st))
	require.EqualValues(t, 255, st.Namelen)
	require.EqualValues(t, 4096, st.Bsize)
	require.Zero(t, st.Blocks)
}

func TestInterrupt(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	w.Hang(true)
	failed := make(chan error)
	go func() {
		_, err := k.Stat("demo/dev/GREETING")
		failed <- err
	}()
	require.Eventually(t, func() bool { return w.Calls().All() > 0 }, time.Minute, time.Millisecond)
	close(k.Cancel)
	require.Equal(t, syscall.EINTR, <-failed)
}
