package e2e

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

func renameat2(from, to string, flags uint) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
}

// A rename keeps id, history, comment and tags.
func TestRenameKeepsTheSecret(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		d.edit(t, func(e *devserver.Editor) error { return e.Comment("demo", "dev", "/desk", "KEY", "why") })
		before := d.stored(t, "desk/KEY")
		require.NoError(t, os.Rename(d.at("desk/KEY"), d.at("desk/RENAMED")))
		d.lacks(t, "desk/KEY")
		d.holds(t, "desk/RENAMED", old)
		after := d.stored(t, "desk/RENAMED")
		require.Equal(t, d.keepsRenames(), before.ID == after.ID)
		require.Equal(t, "why", after.Comment)

		require.NoError(t, os.Mkdir(d.at("desk/sub"), 0o755))
		require.NoError(t, os.Rename(d.at("desk/RENAMED"), d.at("desk/sub/RENAMED")))
		d.lacks(t, "desk/RENAMED")
		d.holds(t, "desk/sub/RENAMED", old)
		require.Equal(t, "why", d.stored(t, "desk/sub/RENAMED").Comment)
		require.NoError(t, os.Rename(d.at("desk/sub"), d.at("desk/moved")))
		d.holds(t, "desk/moved/RENAMED", old)
		require.False(t, d.HasFolder("demo", "dev", "/desk/sub"))
	})
}

// A rename onto a secret replaces its value and keeps the old one aside.
func TestRenameOntoASecret(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", map[string]string{"A": "value of A", "B": "value of B"})
		b := d.stored(t, "desk/B")
		require.ErrorIs(t, renameat2(d.at("desk/A"), d.at("desk/B"), unix.RENAME_NOREPLACE), unix.EEXIST)
		require.ErrorIs(t, renameat2(d.at("desk/A"), d.at("desk/B"), unix.RENAME_EXCHANGE), unix.EINVAL)
		d.holds(t, "desk/A", "value of A")
		d.holds(t, "desk/B", "value of B")
		require.Empty(t, d.record.writes("desk"))

		require.NoError(t, os.Rename(d.at("desk/A"), d.at("desk/B")))
		d.lacks(t, "desk/A")
		d.holds(t, "desk/B", "value of A")
		require.Equal(t, b.ID, d.stored(t, "desk/B").ID)
		require.Equal(t, b.Version+1, d.stored(t, "desk/B").Version)
		d.keeps(t, "value of B")
		require.Equal(t, []string{"PATCH B", "DELETE A"}, d.record.writes("desk"))
		require.NoError(t, renameat2(d.at("desk/B"), d.at("desk/C"), unix.RENAME_NOREPLACE))
		d.holds(t, "desk/C", "value of A")
	})
}

// If the second half of such a rename fails, both are there with the new value.
func TestARenameOntoThatHalfFails(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", map[string]string{"A": "value of A", "B": "value of B"})
		remove := d.Inject(devserver.Fault{Match: method("DELETE"), Status: 500, Body: `{"message":"no"}`})
		defer remove()
		require.Error(t, os.Rename(d.at("desk/A"), d.at("desk/B")))
		require.Equal(t, "value of A", d.stored(t, "desk/A").Value)
		require.Equal(t, "value of A", d.stored(t, "desk/B").Value)
		d.keeps(t, "value of B")
		remove()
		require.NoError(t, os.Rename(d.at("desk/A"), d.at("desk/B")))
		d.lacks(t, "desk/A")
		d.holds(t, "desk/B", "value of A")
	})
}

func TestTheLastValueOfADeletedSecretIsKept(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one("precious"))
		require.NoError(t, os.Remove(d.at("desk/KEY")))
		d.lacks(t, "desk/KEY")
		d.keeps(t, "precious")
		for name := range d.rejected(t) {
			require.NoError(t, os.Remove(d.path(".infisicalfs/rejected", name)))
		}
		require.Empty(t, d.rejected(t))
		require.ErrorIs(t, os.Remove(d.at("desk/KEY")), unix.ENOENT)
	})
}

func TestFolders(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		require.NoError(t, os.Mkdir(d.at("desk/sub"), 0o755))
		require.True(t, d.HasFolder("demo", "dev", "/desk/sub"))
		require.ErrorIs(t, os.Mkdir(d.at("desk/sub"), 0o755), unix.EEXIST)
		require.ErrorIs(t, os.Mkdir(d.at("desk/absent/sub"), 0o755), unix.ENOENT)
		require.False(t, d.HasFolder("demo", "dev", "/desk/absent"))

		// A folder that somebody else made or removed a moment ago.
		d.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/desk/theirs") })
		require.ErrorIs(t, os.Mkdir(d.at("desk/theirs"), 0o755), unix.EEXIST)
		_, err := os.ReadDir(d.at("desk/sub"))
		require.NoError(t, err)
		d.edit(t, func(e *devserver.Editor) error { return e.Rmdir("demo", "dev", "/desk/sub") })
		require.Error(t, os.Mkdir(d.at("desk/sub/below"), 0o755))
		require.False(t, d.HasFolder("demo", "dev", "/desk/sub"), "the parent is not made by accident")
		require.Error(t, os.WriteFile(d.at("desk/sub/KEY"), []byte("x"), 0o644))
		require.False(t, d.HasFolder("demo", "dev", "/desk/sub"))

		// Not empty, also where only the server knows.
		require.NoError(t, os.Mkdir(d.at("desk/full"), 0o755))
		_, err = os.ReadDir(d.at("desk/full"))
		require.NoError(t, err)
		d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk/full", "KEY", old) })
		require.ErrorIs(t, os.Remove(d.at("desk/full")), unix.ENOTEMPTY)
		d.edit(t, func(e *devserver.Editor) error {
			return first(e.Delete("demo", "dev", "/desk/full", "KEY"), e.Mkdir("demo", "dev", "/desk/full/sub"))
		})
		require.ErrorIs(t, os.Remove(d.at("desk/full")), unix.ENOTEMPTY)
		require.True(t, d.HasFolder("demo", "dev", "/desk/full/sub"))
		d.refresh(t)
		require.NoError(t, os.Remove(d.at("desk/full/sub")))
		require.NoError(t, os.Remove(d.at("desk/full")))
		require.False(t, d.HasFolder("demo", "dev", "/desk/full"))

		// A folder's rename, and where it cannot go.
		sh(t, d.at("desk"), `mkdir a b; echo x > a/KEY; mv a c`)
		d.holds(t, "desk/c/KEY", "x\n")
		require.Error(t, os.Rename(d.at("desk/c"), d.at("desk/b")), "it is taken")
		require.ErrorIs(t, os.Rename(d.at("desk/c"), d.at("desk/b/c")), unix.EXDEV)
		d.holds(t, "desk/c/KEY", "x\n")
	})
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A name that an import gives: writing makes an own secret above it, removing
// that reveals the import, and the import itself cannot be removed.
func TestImportsAndWriting(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.edit(t, func(e *devserver.Editor) error {
			return first(e.Mkdir("demo", "dev", "/base"), e.Set("demo", "dev", "/base", "KEY", "imported"),
				e.Set("demo", "dev", "/base", "OTHER", "other"), e.Import("demo", "dev", "/desk", "dev", "/base"))
		})
		d.refresh(t)
		require.Equal(t, "imported", sh(t, d.at("desk"), "cat KEY"))
		require.ErrorIs(t, os.Remove(d.at("desk/KEY")), unix.EPERM)
		require.ErrorIs(t, os.Rename(d.at("desk/KEY"), d.at("desk/X")), unix.EPERM)
		sh(t, d.at("desk"), `printf own > KEY; printf ' and more' >> OTHER`)
		d.holds(t, "desk/KEY", "own")
		d.holds(t, "desk/OTHER", "other and more")
		d.holds(t, "base/KEY", "imported")
		d.holds(t, "base/OTHER", "other")
		require.NoError(t, os.Remove(d.at("desk/KEY")))
		require.Equal(t, "imported", sh(t, d.at("desk"), "cat KEY"))
		_, own := d.lookup("desk/KEY")
		require.False(t, own)
		require.ErrorIs(t, os.Remove(d.at("desk")), unix.ENOTEMPTY, "OTHER is its own")
		require.NoError(t, os.Remove(d.at("desk/OTHER")))
		require.NoError(t, os.Remove(d.at("desk")), "what is imported does not count")
		d.holds(t, "base/KEY", "imported")
	})
}

// A secret and a folder may have one name: the secret is NAME%secret then.
func TestASecretWithTheNameOfAFolder(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		d.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/desk/KEY") })
		d.refresh(t)
		soon(t, "the folder shows", func() bool {
			info, err := os.Stat(d.at("desk/KEY"))
			return err == nil && info.IsDir()
		})
		sh(t, d.at("desk"), `printf new > KEY%secret; printf below > KEY/BELOW`)
		require.Equal(t, "new", d.stored(t, "desk/KEY").Value)
		require.Equal(t, "below", d.stored(t, "desk/KEY/BELOW").Value)
		require.NoError(t, os.Remove(d.at("desk/KEY%secret")))
		_, ok := d.lookup("desk/KEY")
		require.False(t, ok)
		require.True(t, d.HasFolder("demo", "dev", "/desk/KEY"))
	})
}
