package fs

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// Creation decides by what is there, then by the name, then by the way.
func TestWhatIsScratch(t *testing.T) {
	const excl = syscall.O_EXCL
	secretOnes, temporaries, doubtfulOnes := kind{}, kind{scratch: true}, kind{scratch: true, class: overlay.Doubtful}
	draft := kind{scratch: true, onlyCopy: true}
	w := newWorld(writing)
	defer w.Close()
	snap := snapshot(t, w.Fake, dev)
	for _, c := range []struct {
		name        string
		flags, mode uint32
		want        kind
	}{
		{".hidden", 0, 0o644, temporaries}, {".GREETING.swp", 0, 0o644, draft}, {"#GREETING#", 0, 0o644, draft}, {"GREETING~", 0, 0o644, temporaries},
		{"GREETING.lock", excl, 0o600, temporaries}, {"A.tmp", 0, 0o644, temporaries}, {"db-journal", 0, 0o644, temporaries},
		{"GREETINGa8Gk2x", excl, 0o600, doubtfulOnes}, {"GREETING.a8Gk2x", excl, 0o666, doubtfulOnes}, {"GREETING.3146571890", 0, 0o644, doubtfulOnes},
		{"sedAbC123", excl, 0o600, doubtfulOnes}, {"4913", excl, 0o644, doubtfulOnes}, {"was_here.a8Gk2x", excl, 0o600, doubtfulOnes},

		// What people keep under a dot, and what editors call backups.
		{".npmrc", 0, 0o644, secretOnes}, {".netrc", excl, 0o600, secretOnes}, {".htpasswd", 0, 0o644, secretOnes},
		{"GREETING.bak", 0, 0o644, secretOnes}, {"GREETING.old", excl, 0o600, secretOnes}, {"GREETING.save", excl, 0o600, secretOnes}, {"DEADJOE", excl, 0o600, secretOnes},
		{"0", 0, 0o644, secretOnes}, {"20261127", 0, 0o644, secretOnes},

		{"GREETING", excl, 0o600, secretOnes}, {"lower", excl, 0o600, secretOnes}, {"UPPER_1", excl, 0o600, secretOnes}, {"tmpfile", excl, 0o600, secretOnes},
		{"was_here", excl, 0o600, secretOnes}, {"GREETING_LONGER", 0, 0o644, secretOnes}, {"GREETING-us2prod", 0, 0o644, secretOnes}, {"GREETING.20261128", 0, 0o644, secretOnes},
		// Names that look random and have no root, as of private keys that are copied here.
		{"oauth2Token", excl, 0o600, secretOnes}, {"s3Key", excl, 0o600, secretOnes}, {"id_ed25519", excl, 0o600, secretOnes}, {"tls.key", excl, 0o600, secretOnes},
		{"key-20240101", excl, 0o600, secretOnes}, {"poXy12Ab", excl, 0o600, secretOnes}, {"atomic1234567890", excl, 0o600, secretOnes},
	} {
		w.overlay.Unlinked(dev, "was_here")
		require.Equal(t, c.want, w.kindOf(t.Context(), snap, c.name, c.flags, c.mode), "%s %x %o", c.name, c.flags, c.mode)
	}
}

// With --dotfiles=secret a dot alone says nothing.
func TestDotfilesThatAreSecrets(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.hidden", "kept"))
		w.requireValue(t, dev, ".hidden", "kept")
		for _, name := range []string{".GREETING.swp", ".GREETING.a8Gk2x", ".tmpAb12Cd", ".#GREETING"} {
			require.NoError(t, fusetest.WriteFile(v, "demo/dev/"+name, "temporary"))
		}
		require.Equal(t, []string{"create .hidden"}, w.Writes())
		require.NoError(t, v.Rename("demo/dev/.GREETING.a8Gk2x", "demo/dev/.hidden"))
		w.requireValue(t, dev, ".hidden", "temporary")
	}, func(c *Config) { c.Dotfiles = true })
}

func TestScratchStaysHere(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.GREETING.swp", "\xffbinary"))
		text, err := fusetest.ReadFile(v, "demo/dev/.GREETING.swp")
		require.NoError(t, err)
		require.Equal(t, "\xffbinary", text)
		names, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		require.NotContains(t, names, ".GREETING.swp", "loaders read all that is listed")

		require.NoError(t, v.Chmod("demo/dev/.GREETING.swp", 0o640))
		require.NoError(t, v.Chown("demo/dev/.GREETING.swp", os.Getuid(), os.Getgid()))
		require.NoError(t, v.Utimes("demo/dev/.GREETING.swp", started))
		a, err := v.Stat("demo/dev/.GREETING.swp")
		require.NoError(t, err)
		require.EqualValues(t, syscall.S_IFREG|0o640, a.Mode)
		require.True(t, a.Mtime.Equal(started))
		require.EqualValues(t, 7, a.Size)
		require.EqualValues(t, 1, a.Nlink)
		require.NoError(t, v.Truncate("demo/dev/.GREETING.swp", 3))
		require.Equal(t, syscall.ENOTSUP, v.Setxattr("demo/dev/.GREETING.swp", "user.x", "x"))
		require.Equal(t, 1, w.Counts().Writes.ScratchFiles)
		require.EqualValues(t, 3, w.Counts().Writes.ScratchBytes)

		require.NoError(t, v.Rename("demo/dev/.GREETING.swp", "demo/dev/.other"))
		_, err = v.Stat("demo/dev/.GREETING.swp")
		require.Equal(t, syscall.ENOENT, err)
		b, err := v.Stat("demo/dev/.other")
		require.NoError(t, err)
		require.Equal(t, a.Ino, b.Ino)

		f, err := v.Open("demo/dev/.other", syscall.O_RDWR)
		require.NoError(t, err)
		require.NoError(t, v.Unlink("demo/dev/.other"))
		text, err = fusetest.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, "\xffbi", text, "as long as it is open")
		require.NoError(t, f.Close())
		require.Eventually(t, func() bool { return w.Counts().Writes.ScratchBytes == 0 }, time.Minute, time.Millisecond)
		require.Zero(t, w.Counts().Writes.ScratchFiles)
		require.Empty(t, w.Writes())
	})
}

// Beyond the bounds the eldest closed file goes, and never one that may be the
// only copy of something.
func TestScratchIsBounded(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.CreateFile("demo/dev/.big", syscall.O_RDWR, 0o600)
		require.NoError(t, err)
		defer f.Close()
		_, err = f.WriteAt([]byte("x"), overlay.MaxFile)
		require.Equal(t, syscall.ENOSPC, err)
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.KEY.swp", "typed and never saved"))
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
		for i := range 2 * overlay.MaxTemporaryBytes / overlay.MaxFile {
			g, err := v.CreateFile("demo/dev/."+string(rune('a'+i)), syscall.O_RDWR, 0o600)
			require.NoError(t, err)
			require.NoError(t, g.Truncate(overlay.MaxFile))
			require.NoError(t, g.Close())
			require.Eventually(t, func() bool { return w.overlay.Open() <= 1 }, time.Minute, time.Millisecond, "the kernel lets go a moment later")
		}
		require.Positive(t, w.Counts().Writes.ScratchDropped)
		require.LessOrEqual(t, w.Counts().Writes.ScratchBytes, overlay.MaxTemporaryBytes)
		for i := range overlay.MaxTemporary + 50 {
			require.NoError(t, v.Create(fmt.Sprintf("demo/dev/.n%d", i)))
			require.Eventually(t, func() bool { return w.overlay.Open() <= 1 }, time.Minute, time.Millisecond)
		}
		require.Equal(t, overlay.MaxTemporary, w.Counts().Writes.ScratchFiles)
		for name, want := range map[string]string{".KEY.swp": "typed and never saved", "GREETING~": "hello, world"} {
			text, err := fusetest.ReadFile(v, "demo/dev/"+name)
			require.NoError(t, err, name)
			require.Equal(t, want, text)
		}
		_, err = v.Stat("demo/dev/.a")
		require.Equal(t, syscall.ENOENT, err)
		_, err = f.WriteAt([]byte("x"), 0)
		require.NoError(t, err, "what is open stays")
		require.NoError(t, v.Rename("demo/dev/GREETING~", "demo/dev/GREETING"))
	})
}

// The one way out.
func TestScratchIsPromotedByRename(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.new", "saved"))
		require.NoError(t, v.Rename("demo/dev/.new", "demo/dev/GREETING"))
		w.requireValue(t, dev, "GREETING", "saved")
		s, _ := w.Own(dev, "GREETING")
		require.Equal(t, 2, s.Version)
		text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, "saved", text)
		_, err = v.Stat("demo/dev/.new")
		require.Equal(t, syscall.ENOENT, err)
		a, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, inode.OfSecret(dev, "GREETING").Ino, a.Ino, "it is the secret that it was")

		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.new", "made"))
		require.NoError(t, v.Rename("demo/dev/.new", "demo/dev/MADE"))
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.new", "elsewhere"))
		require.NoError(t, v.Rename("demo/dev/.new", "demo/dev/payments/API_KEY"))
		w.requireValue(t, payments, "API_KEY", "elsewhere")
		require.Equal(t, []string{"update GREETING", "create MADE", "update API_KEY"}, w.Writes())
	}, ttl(time.Minute))
}

func TestFailedPromotion(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.new", "saved"))
		w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
		require.Equal(t, syscall.EIO, v.Rename("demo/dev/.new", "demo/dev/GREETING"))
		require.Equal(t, map[string]string{"GREETING.1": "saved"}, w.rejectedTexts())
		text, err := fusetest.ReadFile(v, "demo/dev/.new")
		require.NoError(t, err)
		require.Equal(t, "saved", text)
		w.FailWrites(secrettest.KindUpdate, nil)
		require.NoError(t, v.Rename("demo/dev/.new", "demo/dev/GREETING"))
		w.requireValue(t, dev, "GREETING", "saved")

		w.Set(dev, "REFERENCE", "shown")
		w.SetRaw(dev, "REFERENCE", "${GREETING}")
		for name, c := range map[string]struct {
			text, to string
			want     error
		}{
			".binary": {"\xff", "GREETING", syscall.EILSEQ}, ".large": {strings.Repeat("x", textedit.Max+1), "GREETING", syscall.EFBIG},
			".reference": {"x", "REFERENCE", syscall.EPERM}, ".name": {"x", "TRIMMED ", syscall.EINVAL},
		} {
			require.NoError(t, fusetest.WriteFile(v, "demo/dev/"+name, c.text))
			require.Equal(t, c.want, v.Rename("demo/dev/"+name, "demo/dev/"+c.to), name)
		}
	})
}

// An editor's backup by renaming: nothing happens on the server, and the new
// file is an update of the old secret.
func TestWhiteout(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		before, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		id, _ := w.Own(dev, "GREETING")
		for range 2 {
			require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
			_, err = v.Stat("demo/dev/GREETING")
			require.Equal(t, syscall.ENOENT, err)
			names, err := fusetest.Names(v, "demo/dev")
			require.NoError(t, err)
			require.NotContains(t, names, "GREETING")
			text, err := fusetest.ReadFile(v, "demo/dev/GREETING~")
			require.NoError(t, err)
			require.Equal(t, "hello, world", text)
			a, err := v.Stat("demo/dev/GREETING~")
			require.NoError(t, err)
			require.Equal(t, before.Mode, a.Mode)
			require.Equal(t, 1, w.Counts().Writes.Whiteouts)

			// Changed its mind.
			require.NoError(t, v.Rename("demo/dev/GREETING~", "demo/dev/GREETING"))
			require.Empty(t, w.Writes())
			text, err = fusetest.ReadFile(v, "demo/dev/GREETING")
			require.NoError(t, err)
			require.Equal(t, "hello, world", text)
			require.Zero(t, w.Counts().Writes.Whiteouts)
		}
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
		f, err := v.CreateFile("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("new"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Equal(t, []string{"update GREETING"}, w.Writes())
		s, _ := w.Own(dev, "GREETING")
		require.Equal(t, id.ID, s.ID)
		require.Zero(t, w.Counts().Writes.Whiteouts)
		a, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		b, err := v.Stat("demo/dev/GREETING~")
		require.NoError(t, err)
		require.NotEqual(t, a.Ino, b.Ino, "programs take equal numbers for one file")
		text, err := fusetest.ReadFile(v, "demo/dev/GREETING~")
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
		require.NoError(t, v.Unlink("demo/dev/GREETING~"))
		require.Len(t, w.Writes(), 1)
	}, ttl(time.Minute))
}

// By way of a scratch name to another: that is a rename, with id and references.
func TestWhiteoutOnTheWayToAnotherName(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.SetRaw(dev, "GREETING", "${OTHER}")
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/GREETING.bak"))
		require.NoError(t, v.Rename("demo/dev/GREETING.bak", "demo/dev/HELLO"))
		require.Equal(t, []string{"rename GREETING"}, w.Writes())
		w.requireValue(t, dev, "HELLO", "${OTHER}")
	})
}

// What is written to a file after it was renamed to be a secret is the secret's.
func TestRenamedBeforeItIsClosed(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.CreateFile("demo/dev/.new", syscall.O_RDWR|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("first"), 0)
		require.NoError(t, err)
		require.NoError(t, v.Rename("demo/dev/.new", "demo/dev/GREETING"))
		w.requireValue(t, dev, "GREETING", "first")
		_, err = f.WriteAt([]byte(", second"), 5)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "GREETING", "first, second")
	})
}

// Revoked means gone: a backup holds what may not be read any longer.
func TestRevocationTakesScratch(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
		f, err := v.Open("demo/dev/EMPTY", syscall.O_RDWR)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("x"), 0)
		require.NoError(t, err)
		w.announce(secret.Change{Dir: dev, Err: secret.ErrDenied})
		_, err = fusetest.ReadFile(v, "demo/dev/GREETING~")
		require.Equal(t, syscall.ENOENT, err)
		_, err = f.WriteAt([]byte("x"), 0)
		require.Equal(t, syscall.EACCES, err)
		require.Equal(t, syscall.EACCES, f.Close())
		require.Empty(t, w.Writes())
	})
}
