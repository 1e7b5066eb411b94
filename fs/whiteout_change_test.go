package fs

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// changesByName are the ways to change a file that need no handle.
var changesByName = map[string]struct {
	do             func(k *fusetest.Kernel, file string) error
	writes         string // of a secret
	value, comment string // then, of what was "hello, world" and "greets"
	ofAnother      error  // of a file that has no comment
}{
	"cut":           {func(k *fusetest.Kernel, file string) error { return k.Truncate(file, 5) }, "update", "hello", "greets", nil},
	"emptied":       {func(k *fusetest.Kernel, file string) error { return k.Truncate(file, 0) }, "update", "", "greets", nil},
	"commented":     {func(k *fusetest.Kernel, file string) error { return k.Setxattr(file, xattr.Comment, "old") }, "annotate", "hello, world", "old", nil},
	"not commented": {func(k *fusetest.Kernel, file string) error { return k.Removexattr(file, xattr.Comment) }, "annotate", "hello, world", "", syscall.ENODATA},
}

// Whoever changes the new name of a secret means the secret, also without opening
// it. The next who opens it finds what was changed, and so does the server.
func TestChangeOfABackupByItsName(t *testing.T) {
	for name, c := range changesByName {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				require.NoError(t, k.Setxattr(key, xattr.Comment, "greets"))
				require.NoError(t, k.Rename(key, backup))
				require.NoError(t, c.do(k, backup))
				require.Equal(t, "annotate GREETING; rename GREETING; "+c.writes+" GREETING.bak", strings.Join(w.Writes(), "; "))
				f, err := k.Open(backup, syscall.O_WRONLY|syscall.O_APPEND)
				require.NoError(t, err)
				writeAll(t, f, "!")
				require.NoError(t, f.Close())
				p.end(procend.Exited)
				pass(time.Hour)
				w.requireValue(t, dev, "GREETING.bak", c.value+"!")
				now, _ := w.Own(dev, "GREETING.bak")
				require.Equal(t, c.comment, now.Comment)
			})
		})
	}
}

// During an outage such a change is refused, like a write, and nothing is decided.
func TestChangeOfABackupByItsNameDuringAnOutage(t *testing.T) {
	for name, c := range changesByName {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				require.NoError(t, k.Setxattr(key, xattr.Comment, "greets"))
				require.NoError(t, k.Rename(key, backup))
				w.FailWrites(secrettest.KindRename, secret.ErrUnavailable)
				require.Error(t, c.do(k, backup))
				text, err := fusetest.ReadFile(k, backup)
				require.NoError(t, err)
				require.Equal(t, "hello, world", text)
				w.FailWrites(secrettest.KindRename, nil)
				p.end(procend.Exited)
				pass(time.Hour)
				w.requireValue(t, dev, "GREETING.bak", "hello, world")
				now, _ := w.Own(dev, "GREETING.bak")
				require.Equal(t, "greets", now.Comment)
			})
		})
	}
}

// While the secret is written anew under its old name the backup is a file of its
// own.
func TestChangeOfABackupByItsNameWhileItIsWrittenAnew(t *testing.T) {
	for name, c := range changesByName {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				require.NoError(t, k.Rename(key, backup))
				f, err := k.CreateFile(key, syscall.O_WRONLY, 0o600)
				require.NoError(t, err)
				require.ErrorIs(t, c.do(k, backup), c.ofAnother)
				writeAll(t, f, "new")
				require.NoError(t, f.Close())
				text, err := fusetest.ReadFile(k, backup)
				require.NoError(t, err)
				require.Equal(t, c.value, text)
				require.Equal(t, []string{"update GREETING"}, w.Writes())
				w.requireValue(t, dev, "GREETING", "new")
			})
		})
	}
}

// Whoever cuts what a program has left here, under a name that people use, does not
// know that it is no secret's: it becomes one.
func TestLeftBackupThatIsCut(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		require.NoError(t, k.Rename(key, backup))
		require.NoError(t, fusetest.WriteFile(k, key, "new"))
		require.NoError(t, k.Truncate(backup, 5))
		pass(overlay.DoubtfulFor)
		w.requireValue(t, dev, "GREETING.bak", "hello")
		w.requireValue(t, dev, "GREETING", "new")
	})
}

// Where the secret is not written anew after all, the name of the backup is the
// secret's, somebody else's, or nobody's, and what was written to it meanwhile is kept.
func TestTextOfABackupThatIsNoneAfterAll(t *testing.T) {
	for name, c := range map[string]struct {
		then func(*testing.T, *world, *fusetest.Kernel)
		want string
	}{
		"renamed": {func(*testing.T, *world, *fusetest.Kernel) {}, "hello, world"},
		"taken":   {func(_ *testing.T, w *world, _ *fusetest.Kernel) { w.Set(dev, "GREETING.bak", "theirs") }, "theirs"},
		"replaced": {func(t *testing.T, _ *world, k *fusetest.Kernel) {
			require.NoError(t, k.Rename("demo/dev/EMPTY", backup))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				require.NoError(t, k.Rename(key, backup))
				f, err := k.CreateFile(key, syscall.O_WRONLY, 0o600)
				require.NoError(t, err)
				require.NoError(t, fusetest.WriteFile(k, backup, "typed"))
				writeAll(t, f, "new")
				w.FailWrites(secrettest.KindUpdate, secret.ErrInvalid)
				require.Error(t, f.Close())
				w.FailWrites(secrettest.KindUpdate, nil)
				c.then(t, w, k)
				p.end(procend.Exited)
				pass(time.Hour)
				text, err := fusetest.ReadFile(k, backup)
				require.NoError(t, err)
				require.Equal(t, c.want, text)
				require.Contains(t, slices.Collect(maps.Values(w.rejectedTexts())), "typed")
			})
		})
	}
}

// So it is where the folder is gone.
func TestTextOfABackupInAFolderThatIsGone(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		require.NoError(t, k.Rename(key, backup))
		f, err := k.CreateFile(key, syscall.O_WRONLY, 0o600)
		require.NoError(t, err)
		require.NoError(t, fusetest.WriteFile(k, backup, "typed"))
		w.Apply(secret.Change{Dir: dev, Err: secret.ErrDenied})
		require.NoError(t, f.Close())
		require.Contains(t, slices.Collect(maps.Values(w.rejectedTexts())), "typed")
	})
}
