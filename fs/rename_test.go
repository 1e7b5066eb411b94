package fs

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/xattr"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func TestRenameKeepsIDAndReferences(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.SetRaw(dev, "GREETING", "${OTHER}")
		before, _ := w.Own(dev, "GREETING")
		number, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/HELLO"))
		after, ok := w.Own(dev, "HELLO")
		require.True(t, ok)
		require.Equal(t, before.ID, after.ID)
		require.Equal(t, "${OTHER}", after.Value.Reveal())
		_, err = v.Stat("demo/dev/GREETING")
		require.Equal(t, syscall.ENOENT, err)
		now, err := v.Stat("demo/dev/HELLO")
		require.NoError(t, err)
		if _, mounted := v.(fusetest.Disk); mounted {
			require.Equal(t, number.Ino, now.Ino)
		}

		// The old name is somebody else's.
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/GREETING", "another"))
		for name, want := range map[string]string{"GREETING": "another", "HELLO": "hello, world"} {
			text, err := fusetest.ReadFile(v, "demo/dev/"+name)
			require.NoError(t, err)
			require.Equal(t, want, text, name)
		}
	}, ttl(time.Minute))
}

func TestRenameOnto(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Set(dev, "NEW", "new value")
		w.SetRaw(dev, "NEW", "${A} and more")
		kept, _ := w.Own(dev, "GREETING")
		require.NoError(t, v.Rename("demo/dev/NEW", "demo/dev/GREETING"))
		require.Equal(t, []string{"update GREETING", "delete NEW"}, w.Writes())
		s, _ := w.Own(dev, "GREETING")
		require.Equal(t, kept.ID, s.ID)
		require.Equal(t, "${A} and more", s.Value.Reveal())
		require.Equal(t, "hello, world", w.rejectedTexts()["GREETING.1"])
		text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, "${A} and more", text)

		// A failure half-way leaves both with the new value, and says so.
		w.Set(dev, "NEW", "newer")
		w.FailWrites(secrettest.KindDelete, secret.ErrUnavailable)
		require.Equal(t, syscall.EIO, v.Rename("demo/dev/NEW", "demo/dev/GREETING"))
		w.requireValue(t, dev, "NEW", "newer")
		w.requireValue(t, dev, "GREETING", "newer")
		require.Contains(t, w.logs.String(), "is still there")
		w.FailWrites(secrettest.KindDelete, nil)
		require.NoError(t, v.Rename("demo/dev/NEW", "demo/dev/GREETING"), "and can be repeated")
	})
}

func TestRenameOntoWhatSomebodyChanged(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	w.Set(dev, "NEW", "new")
	stale := snapshot(t, w.Fake, dev)
	w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		if dir == dev {
			return stale, nil
		}
		return w.Folder(ctx, dir, need)
	})
	w.Set(dev, "GREETING", "by somebody else")
	require.Equal(t, syscall.EBUSY, k.Rename("demo/dev/NEW", "demo/dev/GREETING"), "not ESTALE: the kernel would repeat it")
	w.requireValue(t, dev, "GREETING", "by somebody else")
	require.Empty(t, w.Writes())
}

func TestMoveBetweenFolders(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Mkdir(project.Child("staging"))
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/payments/GREETING"))
		require.NoError(t, v.Rename("demo/dev/payments/GREETING", "demo/staging/GREETING"))
		require.NoError(t, v.Rename("demo/staging/GREETING", "demo/dev/payments/HELLO"))
		w.requireValue(t, payments, "HELLO", "hello, world")
		require.Equal(t, []string{"move GREETING", "move GREETING", "move GREETING", "rename GREETING"}, w.Writes())
		text, err := fusetest.ReadFile(v, "demo/dev/payments/HELLO")
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)

		w.Set(dev, "HELLO", "of dev")
		require.NoError(t, v.Rename("demo/dev/payments/HELLO", "demo/dev/THIRD"), "the first step would meet another")
		w.requireValue(t, dev, "THIRD", "hello, world")
		w.requireValue(t, dev, "HELLO", "of dev")
		require.NoError(t, v.Rename("demo/dev/THIRD", "demo/dev/payments/HELLO"))

		w.Mkdir(secret.Dir{Project: "other"}.Child("dev"))
		require.Equal(t, syscall.EXDEV, v.Rename("demo/dev/EMPTY", "other/dev/EMPTY"))

		w.FailWrites(secrettest.KindRename, secret.ErrUnavailable)
		require.Equal(t, syscall.EIO, v.Rename("demo/dev/payments/HELLO", "demo/dev/ELSE"))
		w.requireValue(t, payments, "HELLO", "hello, world") // back again
	})
}

func TestRenameFlags(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	at := mnt + "/demo/dev/"
	rename := func(from, to string, flags uint) error {
		return unix.Renameat2(unix.AT_FDCWD, at+from, unix.AT_FDCWD, at+to, flags)
	}
	require.Equal(t, syscall.EEXIST, rename("GREETING", "EMPTY", unix.RENAME_NOREPLACE))
	require.Equal(t, syscall.EINVAL, rename("GREETING", "EMPTY", unix.RENAME_EXCHANGE))
	require.NoError(t, os.WriteFile(at+".new", []byte("x"), 0o600))
	require.Equal(t, syscall.EEXIST, rename(".new", "EMPTY", unix.RENAME_NOREPLACE))
	require.NoError(t, rename("GREETING", "HELLO", unix.RENAME_NOREPLACE))
	require.Equal(t, []string{"rename GREETING"}, w.Writes())
}

func TestFolders(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, v.Mkdir("demo/dev/one"))
		require.Equal(t, syscall.EEXIST, v.Mkdir("demo/dev/one"))
		require.Equal(t, syscall.EEXIST, v.Mkdir("demo/dev/GREETING"))
		require.Equal(t, syscall.EINVAL, v.Mkdir("demo/dev/with space"))
		require.Equal(t, syscall.ENOENT, v.Mkdir("demo/dev/none/two"))
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/one/KEY", "value"))
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/one/.scratch", "stays with it"))
		require.Equal(t, syscall.ENOTEMPTY, v.Rmdir("demo/dev/one"))

		require.NoError(t, v.Rename("demo/dev/one", "demo/dev/two"))
		for name, want := range map[string]string{"KEY": "value", ".scratch": "stays with it"} {
			text, err := fusetest.ReadFile(v, "demo/dev/two/"+name)
			require.NoError(t, err)
			require.Equal(t, want, text)
		}
		require.NoError(t, v.Mkdir("demo/dev/one"))
		_, err := v.Stat("demo/dev/one/KEY")
		require.Equal(t, syscall.ENOENT, err, "the new folder is not the old one")
		require.Equal(t, syscall.EEXIST, v.Rename("demo/dev/one", "demo/dev/two"))
		require.Equal(t, syscall.EXDEV, v.Rename("demo/dev/one", "demo/dev/two/one"))

		require.NoError(t, v.Unlink("demo/dev/two/KEY"))
		w.Put(dev.Child("two"), secret.Secret{Name: "IMPORTED", Import: &payments})
		require.NoError(t, v.Rmdir("demo/dev/two"), "imports do not count, and scratch does not")
		require.Equal(t, syscall.EPERM, v.Rmdir("demo/dev"))
		require.Equal(t, syscall.EPERM, v.Rename("demo/dev", "demo/prod"))
		require.Zero(t, w.Counts().Writes.ScratchFiles)
	}, ttl(time.Minute))
}

func TestUnlinkKeepsTheLastValue(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.SetRaw(dev, "GREETING", "${AS} stored")
		require.NoError(t, v.Unlink("demo/dev/GREETING"))
		_, ok := w.Own(dev, "GREETING")
		require.False(t, ok)
		require.Equal(t, "${AS} stored", w.rejectedTexts()["GREETING.1"])
		require.Equal(t, syscall.ENOENT, v.Unlink("demo/dev/GREETING"))

		names, err := fusetest.Names(v, ".infisicalfs/rejected")
		require.NoError(t, err)
		require.Equal(t, []string{"GREETING.1"}, names)
		text, err := fusetest.ReadFile(v, ".infisicalfs/rejected/GREETING.1")
		require.NoError(t, err)
		require.Equal(t, "${AS} stored", text)
		a, err := v.Stat(".infisicalfs/rejected/GREETING.1")
		require.NoError(t, err)
		require.EqualValues(t, syscall.S_IFREG|0o400, a.Mode)
		require.NoError(t, v.Unlink(".infisicalfs/rejected/GREETING.1"))
		require.Empty(t, w.rejectedTexts())
		require.Equal(t, syscall.EROFS, v.Mkdir(".infisicalfs/rejected/x"))
		require.Error(t, v.Rename("demo/dev/EMPTY", ".infisicalfs/rejected/EMPTY"))
	})
}

// However many values are removed, a text that exists nowhere else stays.
func TestRemovalsDoNotEvictRefusedText(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.Equal(t, syscall.ESTALE, save(t, v, "demo/dev/GREETING", "typed", func() { w.Set(dev, "GREETING", "theirs") }))
		for i := range 260 {
			w.Set(payments, fmt.Sprintf("KEY_%03d", i), fmt.Sprint("value ", i))
		}
		for i := range 260 {
			require.NoError(t, v.Unlink(fmt.Sprintf("demo/dev/payments/KEY_%03d", i)))
		}
		texts := w.rejectedTexts()
		require.Equal(t, "typed", texts["GREETING.1"])
		require.Equal(t, "value 259", texts["KEY_259.261"], "the newest old values are there as well")
		w.Close()
		require.Empty(t, w.rejectedTexts())
	})
}

// What fails on the server's side is the error, and changes nothing here.
func TestFailuresOfPathOperations(t *testing.T) {
	for kind, do := range map[secrettest.Kind]func(fusetest.View) error{
		secrettest.KindDelete:       func(v fusetest.View) error { return v.Unlink("demo/dev/GREETING") },
		secrettest.KindRename:       func(v fusetest.View) error { return v.Rename("demo/dev/GREETING", "demo/dev/HELLO") },
		secrettest.KindMove:         func(v fusetest.View) error { return v.Rename("demo/dev/GREETING", "demo/dev/payments/GREETING") },
		secrettest.KindUpdate:       func(v fusetest.View) error { return v.Truncate("demo/dev/GREETING", 1) },
		secrettest.KindCreate:       func(v fusetest.View) error { return fusetest.WriteFile(v, "demo/dev/NEW", "x") },
		secrettest.KindAnnotate:     func(v fusetest.View) error { return v.Setxattr("demo/dev/GREETING", xattr.Comment, "x") },
		secrettest.KindCreateFolder: func(v fusetest.View) error { return v.Mkdir("demo/dev/folder") },
		secrettest.KindDeleteFolder: func(v fusetest.View) error { return v.Rmdir("demo/dev/hollow") },
		secrettest.KindRenameFolder: func(v fusetest.View) error { return v.Rename("demo/dev/hollow", "demo/dev/folder") },
	} {
		t.Run(string(kind), func(t *testing.T) {
			bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
				w.Mkdir(dev.Child("hollow"))
				before, err := fusetest.Names(v, "demo/dev")
				require.NoError(t, err)
				for _, fault := range []error{
					secret.ErrUnavailable, secret.ErrTimeout, secret.ErrRateLimited, secret.ErrProtected, secret.ErrInvalid, secret.ErrTooLarge, secret.ErrDenied,
				} {
					want := errnoOf(fault)
					if kind == secrettest.KindAnnotate && want == syscall.EAGAIN {
						want = syscall.ETIMEDOUT // the kernel makes "not supported" of EAGAIN from setxattr
					}
					w.FailWrites(kind, fault)
					err := do(v)
					require.True(t, errors.Is(err, want), "%v is %v", fault, err)
				}
				w.FailWrites(kind, nil)
				w.denials.Forget()
				require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
				after, err := fusetest.Names(v, "demo/dev")
				require.NoError(t, err)
				require.Equal(t, before, after)
				w.requireValue(t, dev, "GREETING", "hello, world")
				require.NoError(t, do(v), "then it works")
			}, ttl(time.Minute))
		})
	}
}

// A secret with references gets another text by a move. Who has it open goes on.
func TestAMoveThatRewritesReferencesUnderAWriter(t *testing.T) {
	w, k := alone(t, func(c *Config) { c.Raw = true })
	w.Set(dev, "REFERENCE", "${GREETING}")
	f, err := k.Open("demo/dev/REFERENCE", syscall.O_WRONLY|syscall.O_APPEND)
	require.NoError(t, err)
	w.BeforeWrites(func(r secrettest.Request) {
		if r.Kind == secrettest.KindStored && r.Dir == payments { // the first look at what arrived
			w.BeforeWrites(nil)
			w.Set(payments, "REFERENCE", "${dev.GREETING}")
		}
	})
	require.NoError(t, k.Rename("demo/dev/REFERENCE", "demo/dev/payments/REFERENCE"))
	_, err = f.WriteAt([]byte("!"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	w.requireValue(t, payments, "REFERENCE", "${GREETING}!")
}
