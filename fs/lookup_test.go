package fs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

type (
	ctxt     = context.Context
	attrOut  = fuse.AttrOut
	entryOut = fuse.EntryOut
)

func TestAbsentNames(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for _, path := range []string{
			"other", "demo/prod", "demo/dev/ABSENT", "demo/dev/payments/GREETING", "demo/dev/greeting",
			"demo/dev/GREETIN%47", "demo/dev/GREETING%secret", "demo/dev/payments%secret", "demo/dev/%empty", "demo/dev/" + strings.Repeat("x", 200) + "%~0",
			"demo/dev/.envrc", "demo/.env", "demo/.infisicalfs",
		} {
			_, err := v.Stat(path)
			require.Equal(t, syscall.ENOENT, err, path)
		}
		require.Empty(t, w.Counts().Errors)
		require.NotContains(t, w.logs.String(), "failed")
	})
}

func TestNamesThatCannotBeAreNotAskedFor(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	_, err := k.Lookup("bad%2fescape")
	require.Equal(t, syscall.ENOENT, err)
	require.Zero(t, w.Calls().All())
}

// Only a whole snapshot proves that a name is absent.
func TestAbsenceWantsProof(t *testing.T) {
	for _, incomplete := range []struct {
		name string
		make func(*secret.Folder)
		want []secret.Need
	}{
		{"partial", func(f *secret.Folder) { f.Partial, f.Secrets = true, f.Secrets[:0:0] }, []secret.Need{secret.NeedFolder, secret.NeedProof}},
		{"no subfolders", func(f *secret.Folder) { f.NoSubfolders, f.Folders = true, nil }, []secret.Need{secret.NeedFolder, secret.NeedProof}},
		{"folders alone", func(f *secret.Folder) { f.Partial, f.NoSecrets, f.Secrets = true, true, nil },
			[]secret.Need{secret.NeedFolder, secret.NeedEntry, secret.NeedProof}},
	} {
		t.Run(incomplete.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
				var mu sync.Mutex // guards asked
				var asked []secret.Need
				w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
					snap, err := w.Folder(ctx, dir, need)
					if dir != dev {
						return snap, err
					}
					mu.Lock()
					asked = append(asked, need)
					mu.Unlock()
					switch {
					case need == secret.NeedProof:
					case need == secret.NeedEntry && incomplete.name == "folders alone":
						snap = snap.With(func(f *secret.Folder) { f.Partial = true })
					default:
						snap = snap.With(incomplete.make)
					}
					return snap, err
				})
				a, err := v.Stat("demo/dev/GREETING")
				require.NoError(t, err)
				require.False(t, a.IsDir())
				a, err = v.Stat("demo/dev/payments")
				require.NoError(t, err)
				require.True(t, a.IsDir())
				text, err := fusetest.ReadFile(v, "demo/dev/payments/API_KEY")
				require.NoError(t, err)
				require.Equal(t, "not-a-real-key", text)

				mu.Lock()
				asked = nil
				mu.Unlock()
				_, err = v.Stat("demo/dev/ABSENT")
				require.Equal(t, syscall.ENOENT, err)
				mu.Lock()
				defer mu.Unlock()
				require.Equal(t, incomplete.want, slices.Compact(asked))
			})
		})
	}
}

func TestUnprovenAbsenceIsAnError(t *testing.T) {
	w := newWorld()
	w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		snap, err := w.Folder(ctx, dir, need)
		if err != nil {
			return nil, err
		}
		return snap.With(func(f *secret.Folder) { f.Partial = true }), nil
	})
	k := fusetest.Direct(t, w.Root(), w.Options())
	_, err := k.Stat("demo/dev/ABSENT")
	require.Equal(t, syscall.EIO, err)
	_, err = k.Stat("demo/dev/GREETING")
	require.NoError(t, err)
}

// Whatever fails, and whoever asks, the answer is the error and not ENOENT.
func TestAnErrorIsNotAnAbsence(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for _, truth := range []struct {
			err  error
			want syscall.Errno
		}{
			{secret.ErrUnavailable, syscall.EIO},
			{secret.ErrDenied, syscall.EACCES},
			{secret.ErrUnauthenticated, syscall.EACCES},
			{secret.ErrTimeout, syscall.ETIMEDOUT},
			{secret.ErrRateLimited, syscall.EAGAIN},
			{errors.New("surprise"), syscall.EIO},
		} {
			w.Fail(dev, truth.err)
			w.Fail(payments, truth.err) // or it would be reached below a refusal
			for what, ask := range map[string]func() error{
				"stat":    func() error { _, err := v.Stat("demo/dev/GREETING"); return err },
				"absent":  func() error { _, err := v.Stat("demo/dev/ABSENT"); return err },
				"folder":  func() error { _, err := v.Stat("demo/dev/payments"); return err },
				"open":    func() error { _, err := v.Open("demo/dev/GREETING", syscall.O_RDONLY); return err },
				"readdir": func() error { _, err := v.ReadDir("demo/dev"); return err },
				"xattr":   func() error { _, err := v.Getxattr("demo/dev/GREETING", "user.infisical.id"); return err },
			} {
				require.Equal(t, truth.want, ask(), "%s: %v", what, truth.err)
			}
			_, err := v.Stat("demo/dev")
			require.NoError(t, err, "the folder itself is described by the one above")
			w.Fail(dev, nil)
			w.Fail(payments, nil)
			_, err = v.Stat("demo/dev/GREETING")
			require.NoError(t, err, "nothing of it is remembered")
		}
	})
}

// The same for nodes that the kernel knows, where nothing is looked up before.
func TestAnErrorOnAKnownNode(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	known, err := k.Lookup("demo/dev/GREETING")
	require.NoError(t, err)
	node := w.root.GetChild("demo").GetChild("dev").GetChild("GREETING").Operations().(*file)
	require.Equal(t, known.Ino, node.StableAttr().Ino)
	for err, want := range map[error]syscall.Errno{
		secret.ErrUnavailable: syscall.EIO, secret.ErrDenied: syscall.EACCES, secret.ErrNotFound: syscall.ENOENT,
	} {
		w.FailAll(err)
		byPath := want
		if want == syscall.ENOENT {
			byPath = syscall.ESTALE // the kernel looks the name up again, and that says ENOENT
		}
		require.Equal(t, byPath, node.Getattr(t.Context(), nil, new(attrOut)))
		_, _, errno := node.Open(t.Context(), 0)
		require.Equal(t, byPath, errno)
		_, errno = node.Getxattr(t.Context(), "user.infisical.id", nil)
		require.Equal(t, want, errno)
		_, errno = node.Listxattr(t.Context(), nil)
		require.Equal(t, want, errno)
		above := w.root.GetChild("demo").GetChild("dev").Operations().(*dir)
		require.Equal(t, want, above.Getattr(t.Context(), nil, new(attrOut)))
	}
}

func TestRemovedFolder(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	_, err := k.Lookup("demo/dev/payments/API_KEY")
	require.NoError(t, err)
	node := w.root.GetChild("demo").GetChild("dev").GetChild("payments").Operations().(*dir)
	w.Remove(dev, "payments")
	require.Equal(t, syscall.ENOENT, node.Getattr(t.Context(), nil, new(attrOut)))
	_, errno := node.Lookup(t.Context(), "API_KEY", new(entryOut))
	require.Equal(t, syscall.ENOENT, errno)
	_, _, errno = node.OpendirHandle(t.Context(), 0)
	require.Equal(t, syscall.ENOENT, errno)
}

// The mount's root can be any directory.
func TestRootedLower(t *testing.T) {
	for _, root := range []secret.Dir{project, dev, payments} {
		bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
			full := "demo/dev/payments/API_KEY"
			text, err := fusetest.ReadFile(v, strings.TrimPrefix(full, strings.TrimPrefix(root.String(), "/")+"/"))
			require.NoError(t, err)
			require.Equal(t, "not-a-real-key", text)
			for _, r := range w.Requests() {
				require.True(t, root.Contains(r.Dir), "asked for %s, above the root", r.Dir)
			}
			a, err := v.Stat("")
			require.NoError(t, err)
			require.Equal(t, inode.OfDir(root).Ino, a.Ino)
		}, func(c *Config) { c.Root = root })
	}
}

func TestTheRootNeedsNoServer(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.FailAll(secret.ErrUnavailable)
		_, err := v.Stat("")
		require.NoError(t, err)
		_, err = v.Stat(".infisicalfs")
		require.NoError(t, err)
		_, err = v.Listxattr("")
		require.NoError(t, err)
		require.Zero(t, w.Calls().All())
	})
}
