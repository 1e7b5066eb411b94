package fs

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

func TestAttributes(t *testing.T) {
	rotated := time.Date(2025, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	owner := func(c *Config) { c.UID, c.GID = somebody(1234), 5678 }
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Put(dev, secret.Secret{Name: "DATED", Value: secret.NewValue("12345"), Updated: rotated})
		w.Put(dev, secret.Secret{Name: "IMPORTED", Value: secret.NewValue("x"), Import: &payments})
		w.Put(dev, secret.Secret{Name: "HIDDEN", Value: secret.NewValue("unseen"), Hidden: true, Updated: rotated})

		a, err := v.Stat("demo/dev/DATED")
		require.NoError(t, err)
		want := fusetest.Attr{
			Ino: inode.OfSecret(dev, "DATED").Ino, Size: 5, Mode: syscall.S_IFREG | 0o400, Nlink: 1, UID: somebody(1234), GID: 5678,
			Atime: a.Atime, Mtime: a.Mtime, Ctime: a.Ctime,
		}
		require.Equal(t, want, a)
		for _, date := range []time.Time{a.Atime, a.Mtime, a.Ctime} {
			require.True(t, date.Equal(rotated), "%v", date)
		}

		a, err = v.Stat("demo/dev/IMPORTED")
		require.NoError(t, err)
		require.True(t, a.Mtime.Equal(started), "%v", a.Mtime)

		a, err = v.Stat("demo/dev/HIDDEN")
		require.NoError(t, err)
		require.Zero(t, a.Size)

		for path, dir := range map[string]secret.Dir{"": {}, "demo": project, "demo/dev": dev, "demo/dev/payments": payments} {
			a, err = v.Stat(path)
			require.NoError(t, err)
			require.EqualValues(t, syscall.S_IFDIR|0o500, a.Mode, path)
			require.EqualValues(t, 2, a.Nlink, path)
			require.Equal(t, somebody(1234), a.UID, path)
			require.EqualValues(t, 5678, a.GID, path)
			require.Equal(t, inode.OfDir(dir).Ino, a.Ino, path)
			if path == "" {
				require.True(t, a.Mtime.Equal(started), "%v", a.Mtime)
			}
		}
	}, owner)
}

func TestModesAreConfigurable(t *testing.T) {
	modes := func(c *Config) { c.FileMode, c.DirMode = 0o440, 0o550 }
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		a, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		require.EqualValues(t, 0o440, a.Mode&0o7777)
		a, err = v.Stat("demo/dev")
		require.NoError(t, err)
		require.EqualValues(t, 0o550, a.Mode&0o7777)
	}, modes)
}

func TestInodeNumbersSurviveRotationAndRestart(t *testing.T) {
	var numbers []uint64
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for range 2 {
			a, err := v.Stat("demo/dev/GREETING")
			require.NoError(t, err)
			numbers = append(numbers, a.Ino)
			w.Set(dev, "GREETING", "another")
		}
	})
	require.Len(t, numbers, 4)
	for _, n := range numbers {
		require.Equal(t, numbers[0], n)
	}
}

func TestInodeNumbersTellThingsApart(t *testing.T) {
	seen := map[uint64]bool{}
	for _, n := range []uint64{
		inode.OfDir(secret.Dir{}).Ino, inode.OfDir(project).Ino, inode.OfDir(dev).Ino, inode.OfDir(payments).Ino,
		inode.OfSecret(dev, "payments").Ino, inode.OfSecret(dev, "A").Ino, inode.OfSecret(payments, "A").Ino, inode.OfSecret(dev, "").Ino,
		inode.OfSecret(secret.Dir{Project: "a", Env: "bc", Path: "/"}, "").Ino, inode.OfSecret(secret.Dir{Project: "ab", Env: "c", Path: "/"}, "").Ino,
		inode.Control(syscall.S_IFREG, "status").Ino, inode.Control(syscall.S_IFDIR, "").Ino,
	} {
		require.Greater(t, n, uint64(1))
		require.False(t, seen[n])
		seen[n] = true
	}
}

// The kernel may remember an answer for as long as its snapshot is fresh.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(ttl(time.Minute))
		var snap *secret.Folder
		w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			if dir != dev {
				return w.Folder(ctx, dir, need)
			}
			return snap, nil
		})
		k := fusetest.Direct(t, w.Root(), w.Options())
		fresh := snapshot(t, w.Fake, dev)
		snap = fresh

		time.Sleep(20 * time.Second)
		for _, path := range []string{"demo/dev/GREETING", "demo/dev/payments"} {
			out, err := k.Lookup(path)
			require.NoError(t, err)
			require.Equal(t, 40*time.Second, out.EntryTimeout())
			require.Equal(t, 40*time.Second, out.AttrTimeout())
		}
		out, err := k.Lookup("demo/dev/ABSENT")
		require.Equal(t, syscall.ENOENT, err)
		require.Equal(t, time.Second, out.EntryTimeout(), "an absence is remembered, for a moment")

		time.Sleep(39*time.Second + 500*time.Millisecond)
		out, err = k.Lookup("demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, 500*time.Millisecond, out.EntryTimeout())
		out, err = k.Lookup("demo/dev/ABSENT")
		require.Equal(t, syscall.ENOENT, err)
		require.Less(t, out.EntryTimeout(), time.Millisecond, "there is not enough left")

		time.Sleep(time.Minute)
		out, err = k.Lookup("demo/dev/GREETING")
		require.NoError(t, err)
		require.Zero(t, out.EntryTimeout())
		require.Zero(t, out.AttrTimeout())

		snap = snapshot(t, w.Fake, dev).With(func(f *secret.Folder) { f.Stale = true })
		out, err = k.Lookup("demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, staleFor, out.EntryTimeout())
		out, err = k.Lookup("demo/dev/ABSENT")
		require.Equal(t, syscall.ENOENT, err)
		require.Less(t, out.EntryTimeout(), time.Millisecond, "a stale snapshot proves nothing for long")
	})
}
