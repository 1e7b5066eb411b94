package fs

import (
	"context"
	"fmt"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// linesView is a view that knows no values with newlines.
func linesView(f *secret.Folder) (secret.Value, error) {
	var text strings.Builder
	for _, s := range f.Secrets {
		switch {
		case s.Hidden:
			return secret.Value{}, fmt.Errorf("%s: %w", s.Name, s.Unreadable())
		case strings.Contains(s.Value.Reveal(), "\n"):
			return secret.Value{}, fmt.Errorf("%w: %s has several lines", secret.ErrInvalid, s.Name)
		}
		fmt.Fprintf(&text, "%s=%s\n", s.Name, s.Value.Reveal())
	}
	return secret.NewValue(text.String()), nil
}

// allViews gives the names of real views to worlds.
var allViews = map[string]View{".env": linesView, ".env.sh": linesView, ".secrets.json": linesView, "app.conf": linesView}

const devLines = "EMPTY=\nGREETING=hello, world\n"

func requireFile(t testing.TB, v fusetest.View, name, want string) {
	t.Helper()
	a, err := v.Stat(name)
	require.NoError(t, err)
	require.EqualValues(t, len(want), a.Size, "the size is true before open")
	text, err := fusetest.ReadFile(v, name)
	require.NoError(t, err)
	require.Equal(t, want, text)
}

func TestViewsAreFoundAndNotListed(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for name := range allViews {
			requireFile(t, v, path.Join("demo/dev", name), devLines)
			requireFile(t, v, path.Join("demo/dev/payments", name), "API_KEY=not-a-real-key\n")
			for _, elsewhere := range []string{"", "demo"} {
				_, err := v.Stat(path.Join(elsewhere, name))
				require.Equal(t, syscall.ENOENT, err)
			}
		}
		_, err := v.Stat("demo/dev/.env.fish")
		require.Equal(t, syscall.ENOENT, err)
		names, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"EMPTY", "GREETING", "payments"}, names)
	})
}

func TestWhatAViewLooksLike(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		older, newer := started.Add(-time.Hour), started.Add(time.Hour)
		w.Put(dev, secret.Secret{Name: "GREETING", Value: secret.NewValue("a"), Updated: newer})
		w.Put(dev, secret.Secret{Name: "EMPTY", Updated: older})
		a, err := v.Stat("demo/dev/.env")
		require.NoError(t, err)
		require.EqualValues(t, syscall.S_IFREG|0o440, a.Mode)
		require.EqualValues(t, 1, a.Nlink)
		require.Equal(t, somebody(77), a.UID)
		require.True(t, a.Mtime.Equal(newer))
		other, err := v.Stat("demo/dev/.env.sh")
		require.NoError(t, err)
		require.NotEqual(t, a.Ino, other.Ino)
		require.Equal(t, inode.View(inode.OfDir(dev), ".env").Ino, a.Ino, "the same after a new mount")
		w.Set(dev, "GREETING", "another")
		w.announce(secret.Change{Dir: dev})
		a2, err := v.Stat("demo/dev/.env")
		require.NoError(t, err)
		require.Equal(t, a.Ino, a2.Ino)
		stale, err := v.Getxattr("demo/dev/.env", "user.infisical.stale")
		require.NoError(t, err)
		require.Equal(t, "false", stale)
		list, err := v.Listxattr("demo/dev/.env")
		require.NoError(t, err)
		require.Contains(t, list, "user.infisical.path")
	}, func(c *Config) { c.UID, c.FileMode = somebody(77), 0o440 })
}

func TestASecretOrFolderOfTheNameWins(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		requireFile(t, v, "demo/dev/.env", devLines)
		before := snapshot(t, w, dev)
		w.Set(dev, ".env", "own")
		w.Mkdir(dev.Child(".env.sh"))
		w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
		requireFile(t, v, "demo/dev/.env", "own")
		a, err := v.Stat("demo/dev/.env.sh")
		require.NoError(t, err)
		require.EqualValues(t, syscall.S_IFDIR, a.Mode&syscall.S_IFMT)
		requireFile(t, v, "demo/dev/.secrets.json", ".env=own\n"+devLines)

		before = snapshot(t, w, dev)
		w.Remove(dev, ".env")
		w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
		requireFile(t, v, "demo/dev/.env", devLines)
	}, ttl(time.Minute))
}

// A view that was looked at follows what it is made of, and one that is open stays
// what it was.
func TestAChangedSecretChangesTheView(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		requireFile(t, v, "demo/dev/.env", devLines)
		_, err := v.Stat("demo/dev/.env.sh") // and not read, which makes Linux ask again
		require.NoError(t, err)
		open, err := v.Open("demo/dev/.env", syscall.O_RDONLY)
		require.NoError(t, err)
		before := snapshot(t, w, dev)
		w.Set(dev, "GREETING", "good morning, world")
		w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
		requireFile(t, v, "demo/dev/.env", "EMPTY=\nGREETING=good morning, world\n")
		requireFile(t, v, "demo/dev/.env.sh", "EMPTY=\nGREETING=good morning, world\n")
		text, err := fusetest.ReadAll(open)
		require.NoError(t, err)
		require.Equal(t, devLines, text)
		require.NoError(t, open.Close())

		before = snapshot(t, w, dev)
		w.Set(dev, "NEW", "x")
		w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
		requireFile(t, v, "demo/dev/.env", "EMPTY=\nGREETING=good morning, world\nNEW=x\n")
	}, ttl(time.Minute))
}

// One secret that a view cannot hold spoils the view and nothing else.
func TestAFailingView(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Set(dev, "CERT", "several\nlines")
		a, err := v.Stat("demo/dev/.env")
		require.NoError(t, err, "it is there, so that opening it can say what is wrong")
		require.Zero(t, a.Size)
		_, err = v.Open("demo/dev/.env", syscall.O_RDONLY)
		require.Equal(t, syscall.EINVAL, err)
		require.Contains(t, w.logs.String(), "CERT has several lines")
		require.NotContains(t, w.logs.String(), "several\\nlines")
		require.Equal(t, "/demo/dev/.env: invalid: CERT has several lines", w.Counts().LastViewError)
		requireFile(t, v, "demo/dev/CERT", "several\nlines")
		requireFile(t, v, "demo/dev/payments/.env", "API_KEY=not-a-real-key\n")

		w.Put(dev, secret.Secret{Name: "CERT", Hidden: true, Reason: "may not be read"})
		_, err = v.Open("demo/dev/.env", syscall.O_RDONLY)
		require.Equal(t, syscall.EACCES, err)
		require.Contains(t, w.Counts().LastViewError, "CERT")
	})
}

func TestAViewOfADeniedFolder(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			snap, err := w.Folder(ctx, dir, need)
			if err != nil || dir != dev {
				return snap, err
			}
			return snap.With(func(f *secret.Folder) { f.Denied, f.Secrets = secret.ErrDenied, nil }), nil
		})
		_, err := v.Stat("demo/dev/.env")
		require.Equal(t, syscall.EACCES, err)
		require.Empty(t, w.Counts().LastViewError, "no secret is at fault")
	})
}

// A snapshot that is not the whole truth makes no view.
func TestAViewIsTheWholeFolder(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			snap, err := w.Folder(ctx, dir, need)
			if err != nil || need == secret.NeedProof || dir != dev {
				return snap, err
			}
			return snap.With(func(f *secret.Folder) { f.Partial, f.Secrets = true, f.Secrets[:1] }), nil
		})
		requireFile(t, v, "demo/dev/.env", devLines)
	})
}

func TestViewsAreNotWritten(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		requireFile(t, v, "demo/dev/.env", devLines)
		for _, flags := range []int{syscall.O_WRONLY, syscall.O_RDWR, syscall.O_WRONLY | syscall.O_TRUNC, syscall.O_WRONLY | syscall.O_APPEND} {
			_, err := v.Open("demo/dev/.env", flags)
			require.Equal(t, syscall.EPERM, err)
		}
		require.Equal(t, syscall.EPERM, v.Truncate("demo/dev/.env", 0))
		require.Equal(t, syscall.EPERM, v.Chmod("demo/dev/.env", 0o777))
		require.Equal(t, syscall.EPERM, v.Unlink("demo/dev/.env"))
		require.Equal(t, syscall.EPERM, v.Rename("demo/dev/.env", "demo/dev/OTHER"))
		require.Equal(t, syscall.EPERM, v.Rename("demo/dev/.env", "demo/dev/other.tmp"))
		require.Equal(t, syscall.EPERM, v.Rename("demo/dev/GREETING", "demo/dev/.env"))
		require.Empty(t, w.Writes())

		require.NoError(t, fusetest.WriteFile(v, "demo/dev/GREETING", "written"))
		requireFile(t, v, "demo/dev/.env", "EMPTY=\nGREETING=written\n")
	})
}

func TestViewsOfAReadOnlyMount(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		_, err := v.Open("demo/dev/.env", syscall.O_WRONLY)
		require.Contains(t, refusals(), err)
		require.Contains(t, []error{syscall.EROFS, syscall.EPERM}, v.Truncate("demo/dev/.env", 0))
		require.Equal(t, syscall.EROFS, v.Unlink("demo/dev/.env"))
	})
}

// What is revoked is taken from open views as well, and what becomes hidden.
func TestRevokedViews(t *testing.T) {
	for name, revoke := range map[string]func(*world) secret.Change{
		"denied": func(*world) secret.Change { return secret.Change{Dir: dev, Err: secret.ErrDenied} },
		"hidden": func(w *world) secret.Change {
			before, _ := w.Folder(context.Background(), dev, secret.NeedProof)
			w.Put(dev, secret.Secret{Name: "GREETING", Hidden: true})
			after, _ := w.Folder(context.Background(), dev, secret.NeedProof)
			return secret.Change{Dir: dev, Old: before, New: after}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
				open, err := v.Open("demo/dev/.env", syscall.O_RDONLY)
				require.NoError(t, err)
				other, err := v.Open("demo/dev/payments/.env", syscall.O_RDONLY)
				require.NoError(t, err)
				w.announce(revoke(w))
				_, err = open.ReadAt(make([]byte, 9), 0)
				require.Equal(t, syscall.EACCES, err)
				text, err := fusetest.ReadAll(other)
				require.NoError(t, err)
				require.Equal(t, "API_KEY=not-a-real-key\n", text)
				require.NoError(t, open.Close())
				require.NoError(t, other.Close())
			})
		})
	}
}

// A view that does not use what is hidden stays open when something else changes.
func TestAHiddenSecretRevokesNothingTwice(t *testing.T) {
	names := func(f *secret.Folder) (secret.Value, error) { return secret.NewValue(f.Secrets[0].Name), nil }
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Put(dev, secret.Secret{Name: "GREETING", Hidden: true})
		open, err := v.Open("demo/dev/app.conf", syscall.O_RDONLY)
		require.NoError(t, err)
		before := snapshot(t, w, dev)
		w.Set(dev, "EMPTY", "no longer")
		w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
		text, err := fusetest.ReadAll(open)
		require.NoError(t, err)
		require.Equal(t, "EMPTY", text)
		require.NoError(t, open.Close())
	}, func(c *Config) { c.Views = map[string]View{"app.conf": names} })
}

// Where the kernel opens files by itself, a failing view is an error and no
// empty file.
func TestViewsThatTheKernelOpens(t *testing.T) {
	w := newWorld(ttl(time.Hour), full)
	dir := fusetest.Mounted(t, w.Root(), w.Options())
	v := fusetest.Disk(dir)
	requireFile(t, v, "demo/dev/.env", devLines)
	for _, value := range []string{"HELLO, WORLD", "short", "longer again, and longer"} {
		w.Apply(w.change(t, dev, func() { w.Set(dev, "GREETING", value) }))
		w.awaitKernel()
		requireFile(t, v, "demo/dev/.env", "EMPTY=\nGREETING="+value+"\n")
	}
	w.Set(payments, "API_KEY", "several\nlines")
	w.Set(dev, "LARGE", strings.Repeat("v", pagecache.OneRead))
	for name, want := range map[string]error{"demo/dev/payments/.env": syscall.EINVAL, "demo/dev/.env.sh": syscall.EFBIG} {
		_, err := fusetest.ReadFile(v, name)
		require.Equal(t, want, err)
	}
}

// Views that are to be listed are listed, with their own attributes, unless something
// else has the name.
func TestChosenViewsAreListed(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		list := func(dir string) []string {
			names, err := fusetest.Names(v, dir)
			require.NoError(t, err)
			return names
		}
		require.ElementsMatch(t, []string{"EMPTY", "GREETING", "payments", ".env", "app.conf"}, list("demo/dev"))
		require.ElementsMatch(t, []string{"API_KEY", ".env", "app.conf"}, list("demo/dev/payments"))
		require.NotContains(t, append(list(""), list("demo")...), ".env")
		requireFile(t, v, "demo/dev/.env", devLines)
		requireFile(t, v, "demo/dev/.secrets.json", devLines)

		entries, err := v.ReadDir("demo/dev")
		require.NoError(t, err)
		for _, e := range entries {
			a, err := v.Stat(path.Join("demo/dev", e.Name))
			require.NoError(t, err, e.Name)
			require.Equal(t, a.Ino, e.Ino, e.Name)
		}

		before := snapshot(t, w, dev)
		w.Set(dev, ".env", "own")
		w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
		require.ElementsMatch(t, []string{"EMPTY", "GREETING", "payments", ".env", "app.conf"}, list("demo/dev"))
		requireFile(t, v, "demo/dev/.env", "own")
	}, func(c *Config) { c.ListedViews = []string{".env", "app.conf"} })
}

func TestChosenViewsAreListedBesideLinks(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		names, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		require.Contains(t, names, ".env")
		requireFile(t, v, "demo/dev/.env", devLines)
	}, func(c *Config) { c.ListedViews, c.Links = []string{".env"}, true })
}

// A change by which a view that somebody has looked at can no longer be made is told at
// once, whoever reads it next, and once.
func TestAViewThatBeginsToRefuseIsTold(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		const line = "a view can no longer be made"
		change := func(value string) {
			before := snapshot(t, w, dev)
			w.Set(dev, "GREETING", value)
			w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
		}
		change("nobody\nhas looked")
		require.Empty(t, w.Counts().LastViewError)
		_, err := v.Stat("demo/dev/.env") // it refuses already
		require.NoError(t, err)
		require.Empty(t, w.Counts().LastViewError)
		change("hello")
		requireFile(t, v, "demo/dev/.env", "EMPTY=\nGREETING=hello\n")
		require.NotContains(t, w.logs.String(), line)

		change("fake\nvalue")
		require.Equal(t, "/demo/dev/.env: invalid: GREETING has several lines", w.Counts().LastViewError)
		require.Equal(t, 1, strings.Count(w.logs.String(), line))
		require.Contains(t, w.logs.String(), "path=/demo/dev/.env")
		change("another\nfake\nvalue")
		_, err = fusetest.ReadFile(v, "demo/dev/.env")
		require.Equal(t, syscall.EINVAL, err)
		require.Equal(t, 1, strings.Count(w.logs.String(), line), "it refused before")
		require.NotContains(t, w.logs.String(), "fake")

		change("hello")
		requireFile(t, v, "demo/dev/.env", "EMPTY=\nGREETING=hello\n")
		change("again\nfake")
		require.Equal(t, 2, strings.Count(w.logs.String(), line))
	}, func(c *Config) { c.TTL = time.Minute })
}
