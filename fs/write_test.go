package fs

import (
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func TestWrite(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		for _, value := range []string{"x", "", "no newline", "newline\n", "unicode ✓ \x00", strings.Repeat("0123456789abcde\n", 20_000)} {
			require.NoError(t, fusetest.WriteFile(v, "demo/dev/GREETING", value))
			require.Eventually(t, func() bool { s, _ := w.Own(dev, "GREETING"); return s.Value.Reveal() == value }, time.Minute, time.Millisecond)
			text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
			require.NoError(t, err)
			require.True(t, value == text)
			a, err := v.Stat("demo/dev/GREETING")
			require.NoError(t, err)
			require.EqualValues(t, len(value), a.Size)
			require.EqualValues(t, syscall.S_IFREG|0o600, a.Mode)
		}
	})
}

// After a write the file shows what the server made of the value.
func TestTheServerTrims(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/GREETING", "  text \n\n"))
		text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, "text\n", text)
		a, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		require.EqualValues(t, 5, a.Size)
	}, ttl(time.Minute))
}

func TestWriteAtOffsets(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_RDWR)
		require.NoError(t, err)
		for off, text := range map[int64]string{0: "HELLO", 7: "W", 14: "end"} {
			n, err := f.WriteAt([]byte(text), off)
			require.NoError(t, err)
			require.Equal(t, len(text), n)
		}
		const want = "HELLO, World\x00\x00end"
		text, err := fusetest.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, want, text, "who writes sees his own text")
		a, err := f.Stat()
		require.NoError(t, err)
		require.EqualValues(t, len(want), a.Size, "and its length")
		text, err = fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, "hello, world", text, "who reads sees what the server has")

		require.NoError(t, f.Truncate(5))
		require.NoError(t, f.Truncate(7))
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "GREETING", "HELLO\x00\x00")
		require.Equal(t, []string{"update GREETING"}, w.Writes())
	})
}

// The kernel's idea of the end may be old.
func TestAppendIgnoresTheOffset(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_APPEND)
		require.NoError(t, err)
		for range 2 {
			_, err = f.WriteAt([]byte("!"), 3)
			require.NoError(t, err)
		}
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "GREETING", "hello, world!!")
	})
}

func TestTruncate(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, v.Truncate("demo/dev/GREETING", 5))
		w.requireValue(t, dev, "GREETING", "hello")
		require.NoError(t, v.Truncate("demo/dev/GREETING", 5))
		require.Len(t, w.Writes(), 1)
		require.NoError(t, v.Truncate("demo/dev/GREETING", 0))
		w.requireValue(t, dev, "GREETING", "")
		require.Equal(t, syscall.EFBIG, v.Truncate("demo/dev/GREETING", textedit.Max+1))
	})
}

// One close makes one version, and the value that is there already none.
func TestOneCloseOneVersion(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY)
		require.NoError(t, err)
		for i := range 10 {
			_, err := f.WriteAt([]byte("piece"), int64(5*i))
			require.NoError(t, err)
		}
		require.NoError(t, f.Close())
		s, _ := w.Own(dev, "GREETING")
		require.Equal(t, 2, s.Version)
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/GREETING", s.Value.Reveal()))
		s, _ = w.Own(dev, "GREETING")
		require.Equal(t, 2, s.Version)
	})
}

func TestFsyncSends(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.CreateFile("demo/dev/NEW", syscall.O_WRONLY|syscall.O_TRUNC, 0o644)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("one"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
		w.requireValue(t, dev, "NEW", "one")
		_, err = f.WriteAt([]byte("two"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
		require.Equal(t, []string{"create NEW", "update NEW"}, w.Writes())
	})
}

func TestSizes(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("xy"), textedit.Max-1)
		require.Equal(t, syscall.EFBIG, err)
		_, err = f.WriteAt([]byte("x"), 1<<40)
		require.Equal(t, syscall.EFBIG, err)
		require.Equal(t, syscall.EFBIG, f.Truncate(textedit.Max+1))
		require.Equal(t, syscall.EFBIG, f.Sync(), "a write is missing")
		require.NoError(t, f.Truncate(0))
		_, err = f.WriteAt([]byte("x"), textedit.Max-1)
		require.NoError(t, err)
		require.NoError(t, f.Close(), "it was begun anew")
		s, _ := w.Own(dev, "GREETING")
		require.Equal(t, textedit.Max, s.Value.Len())
	})
}

func TestBinaryIsRefused(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.Equal(t, syscall.EILSEQ, fusetest.WriteFile(v, "demo/dev/GREETING", "\xff\xfe"))
		w.requireValue(t, dev, "GREETING", "hello, world")
		require.Equal(t, "\xff\xfe", w.rejectedTexts()["GREETING.1"])
	})
}

// rejectedTexts returns what is in rejected/, by name.
func (w *world) rejectedTexts() map[string]string {
	texts := map[string]string{}
	for _, r := range w.rejected.List() {
		texts[r.Name] = r.Value.Reveal()
	}
	return texts
}

func TestCreate(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.CreateFile("demo/dev/NEW", syscall.O_WRONLY|syscall.O_TRUNC, 0o644)
		require.NoError(t, err)
		a, err := v.Stat("demo/dev/NEW")
		require.NoError(t, err, "the name is taken")
		require.Zero(t, a.Size)
		require.Equal(t, syscall.EEXIST, v.Create("demo/dev/NEW"))
		text, err := fusetest.ReadFile(v, "demo/dev/NEW")
		require.NoError(t, err)
		require.Empty(t, text, "and there is nothing to read")
		names, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		require.NotContains(t, names, "NEW")
		_, err = f.WriteAt([]byte("value"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "NEW", "value")
		text, err = fusetest.ReadFile(v, "demo/dev/NEW")
		require.NoError(t, err)
		require.Equal(t, "value", text)

		require.NoError(t, v.Create("demo/dev/EMPTY_NEW"))
		require.Eventually(t, func() bool { _, ok := w.Own(dev, "EMPTY_NEW"); return ok }, time.Minute, time.Millisecond)
		require.Equal(t, []string{"create NEW", "create EMPTY_NEW"}, w.Writes())
	}, ttl(time.Minute))
}

func TestNames(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		for name, want := range map[string]error{
			"demo/dev/ SPACE": syscall.EINVAL, "demo/dev/SPACE ": syscall.EINVAL, "demo/dev/%": syscall.EINVAL, "demo/dev/%2f": syscall.EINVAL,
			"demo/dev/%41": syscall.EINVAL, "demo/dev/A%00B": syscall.EINVAL, "demo/dev/%empty": syscall.EINVAL, "demo/dev/NONE%secret": syscall.EINVAL,
			"demo/dev/.env": syscall.EPERM, "demo/dev/.env.sh": syscall.EPERM, "demo/dev/.secrets.json": syscall.EPERM,
			"demo/NEW": syscall.EPERM, "NEW": syscall.EPERM,
			"demo/dev/A%2FB": nil, "demo/dev/payments%secret": nil, "demo/dev/with space": nil,
		} {
			require.Equal(t, want, fusetest.WriteFile(v, name, "v"), name)
			if want != nil {
				mkdir := v.Mkdir(name)
				if allViews[path.Base(name)] != nil && mkdir == syscall.EEXIST {
					mkdir = syscall.EPERM // the kernel asks first whether there is something of the name
				}
				require.Equal(t, want, mkdir, "mkdir %s", name)
				require.Equal(t, want, v.Rename("demo/dev/EMPTY", name), "rename to %s", name)
			}
		}
		w.requireValue(t, dev, "A/B", "v")
		w.requireValue(t, dev, "payments", "v")
		require.Error(t, fusetest.WriteFile(v, "demo/dev/payments", "v"))
	})
}

// Whatever can be known is said by open, because many programs check nothing else.
func TestRefusedByOpen(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Put(dev, secret.Secret{Name: "ROTATED", ID: "r", Version: 1, Rotated: true, Value: secret.NewValue("x")})
		w.Put(dev, secret.Secret{Name: "PERSONAL", ID: "p", Version: 1, Personal: true, Value: secret.NewValue("x")})
		w.Put(dev, secret.Secret{Name: "HIDDEN", ID: "h", Version: 1, Hidden: true, Reason: "may not be read"})
		w.Set(dev, "REFERENCE", "hello, world again")
		w.SetRaw(dev, "REFERENCE", "${GREETING} again")
		for name, want := range map[string]error{"ROTATED": syscall.EPERM, "PERSONAL": syscall.EPERM, "HIDDEN": syscall.EACCES, "REFERENCE": syscall.EPERM} {
			for _, flags := range []int{syscall.O_WRONLY, syscall.O_WRONLY | syscall.O_TRUNC, syscall.O_RDWR, syscall.O_WRONLY | syscall.O_APPEND} {
				_, err := v.Open("demo/dev/"+name, flags)
				require.Equal(t, want, err, name)
			}
			require.Equal(t, want, v.Truncate("demo/dev/"+name, 0), name)
		}
		require.Contains(t, w.logs.String(), "--expand=false")
		require.NotEmpty(t, w.Counts().Writes.LastRefusal)
		require.Empty(t, w.Writes())

		for why, do := range map[string]func() error{
			"symlink /demo/dev/LINK: a secret cannot be a symbolic link": func() error { return v.Symlink("GREETING", "demo/dev/LINK") },
			"link /demo/dev/LINK: a secret has one name":                 func() error { return v.Link("demo/dev/GREETING", "demo/dev/LINK") },
		} {
			require.Equal(t, syscall.EPERM, do())
			require.Equal(t, why, w.Counts().Writes.LastRefusal)
		}

		require.NoError(t, v.Unlink("demo/dev/REFERENCE"))
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/REFERENCE", "rm, then create, is deliberate"))
		for _, name := range []string{"ROTATED", "PERSONAL"} {
			require.Equal(t, syscall.EPERM, v.Unlink("demo/dev/"+name))
			require.Equal(t, syscall.EPERM, v.Rename("demo/dev/"+name, "demo/dev/OTHER"))
			require.Equal(t, syscall.EPERM, v.Rename("demo/dev/GREETING", "demo/dev/"+name))
		}
		w.FailAll(secret.ErrUnavailable)
		_, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY)
		require.Equal(t, syscall.EIO, err)
		w.FailAll(nil)
	})
}

func TestOverwriteAndRaw(t *testing.T) {
	test := func(t *testing.T, w *world, v fusetest.View) {
		w.Set(dev, "REFERENCE", "${GREETING} again")
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/REFERENCE", "plain"))
		w.requireValue(t, dev, "REFERENCE", "plain")
	}
	t.Run("overwrite", func(t *testing.T) { bothWaysWriting(t, test, func(c *Config) { c.Overwrite = true }) })
	t.Run("raw", func(t *testing.T) { bothWaysWriting(t, test, func(c *Config) { c.Raw = true }) })
}

func TestPersonalReadOnly(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.Equal(t, syscall.EPERM, fusetest.WriteFile(v, "demo/dev/GREETING", "v"))
		require.Equal(t, syscall.EPERM, fusetest.WriteFile(v, "demo/dev/NEW", "v"))
		require.Equal(t, syscall.EPERM, v.Unlink("demo/dev/GREETING"))
		require.Equal(t, syscall.EPERM, v.Setxattr("demo/dev/GREETING", xattr.Comment, "v"))
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/new.tmp", "scratch"))
		require.Equal(t, syscall.EPERM, v.Rename("demo/dev/new.tmp", "demo/dev/GREETING"))
		require.NoError(t, v.Mkdir("demo/dev/folder"))
		require.Equal(t, []string{"create folder folder"}, w.Writes())
	}, func(c *Config) { c.PersonalReadOnly = true })
}

// A denial is remembered, so that the next open fails and not the next close.
func TestDenialIsRemembered(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.FailWrites(secrettest.KindUpdate, secret.ErrDenied)
		require.Equal(t, syscall.EACCES, fusetest.WriteFile(v, "demo/dev/GREETING", "v"))
		_, err := v.Open("demo/dev/EMPTY", syscall.O_WRONLY)
		require.Equal(t, syscall.EACCES, err)
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/NEW", "v"), "to create is another right")
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/payments/API_KEY", "")) // the same value would be no request
	})
}

func TestImports(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Put(dev, secret.Secret{Name: "IMPORTED", ID: "elsewhere", Version: 7, Value: secret.NewValue("theirs"), Import: &payments})
		require.Equal(t, syscall.EPERM, v.Unlink("demo/dev/IMPORTED"))
		require.Equal(t, syscall.EPERM, v.Rename("demo/dev/IMPORTED", "demo/dev/OTHER"))
		require.Equal(t, syscall.EPERM, v.Setxattr("demo/dev/IMPORTED", xattr.Comment, "x"))
		f, err := v.Open("demo/dev/IMPORTED", syscall.O_WRONLY|syscall.O_APPEND)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte(" and ours"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "IMPORTED", "theirs and ours")
		require.NoError(t, v.Unlink("demo/dev/IMPORTED"))
		text, err := fusetest.ReadFile(v, "demo/dev/IMPORTED")
		require.NoError(t, err, "the import shows again")
		require.Equal(t, "theirs", text)
		require.Equal(t, []string{"create IMPORTED", "delete IMPORTED"}, w.Writes())
	})
}

// Modes, owners and times are the mount's and the server's. Setting them
// succeeds: editors and cp do so after writing.
func TestAttributesStay(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		before, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		require.NoError(t, v.Chmod("demo/dev/GREETING", 0o644))
		require.NoError(t, v.Chown("demo/dev/GREETING", os.Getuid(), os.Getgid()))
		require.NoError(t, v.Utimes("demo/dev/GREETING", started))
		require.NoError(t, v.Chmod("demo/dev/payments", 0o755))
		require.NoError(t, v.Chmod("demo/dev", 0o755))
		require.Equal(t, syscall.EPERM, v.Chmod("demo", 0o755))
		after, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.Empty(t, w.Writes())
	})
}

func TestAnnotations(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, v.Setxattr("demo/dev/GREETING", xattr.Comment, "a remark"))
		require.NoError(t, v.Setxattr("demo/dev/GREETING", xattr.Tags, "one,two"))
		s, _ := w.Own(dev, "GREETING")
		require.Equal(t, "a remark", s.Comment)
		require.Equal(t, []string{"one", "two"}, s.Tags)
		require.NoError(t, v.Removexattr("demo/dev/GREETING", xattr.Comment))
		require.Equal(t, syscall.ENODATA, v.Removexattr("demo/dev/GREETING", xattr.Comment))
		s, _ = w.Own(dev, "GREETING")
		require.Empty(t, s.Comment)
		for name, want := range map[string]error{
			"user.infisical.other": syscall.EPERM, "user.other": syscall.ENOTSUP, "system.posix_acl_access": syscall.ENOTSUP,
		} {
			if _, mounted := v.(fusetest.Disk); mounted && strings.HasPrefix(name, "system") {
				continue // the kernel looks at the value first
			}
			require.Equal(t, want, v.Setxattr("demo/dev/GREETING", name, "x"), name)
			require.Equal(t, want, v.Setxattr("demo/dev/payments", name, "x"), name)
		}
		require.Equal(t, syscall.EILSEQ, v.Setxattr("demo/dev/GREETING", xattr.Comment, "\xff"))
	})
}

func TestNoPlaceForIt(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.Equal(t, syscall.EPERM, v.Symlink("target", "demo/dev/NEW"))
		require.Equal(t, syscall.EPERM, v.Link("demo/dev/GREETING", "demo/dev/NEW"))
		require.Equal(t, syscall.EPERM, v.Mknod("demo/dev/NEW"))
	})
}

// Pages that programs write to past us would be sent by nobody knows whom.
func TestSharedMappings(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	fd, err := unix.Open(mnt+"/demo/dev/GREETING", unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = unix.Mmap(fd, 0, 12, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.Equal(t, syscall.ENODEV, err)
}
