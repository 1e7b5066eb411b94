package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Which new files are scratch, by their name and how they are created.
func TestWhatIsScratch(t *testing.T) {
	const excl = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		for _, c := range []struct {
			name    string
			flags   int
			mode    os.FileMode
			scratch bool
		}{
			{".KEY.swp", create, 0o644, true}, {".hidden", create, 0o644, true}, {"#KEY#", create, 0o644, true}, {"KEY~", create, 0o644, true},
			{"KEY.lock", create, 0o644, true}, {"x.swp", create, 0o644, true}, {"x.swx", create, 0o644, true}, {"x.tmp", create, 0o644, true},
			{"x.temp", create, 0o644, true}, {"x.rej", create, 0o644, true}, {"x.part", create, 0o644, true}, {"x-journal", create, 0o644, true},
			{"4913", create, 0o644, false}, {"12", create, 0o644, false}, {"x.bak", create, 0o644, false}, {"x.orig", excl, 0o600, false}, {"KEY.save", excl, 0o600, false},
			{".npmrc", create, 0o644, false}, {".netrc", excl, 0o600, false},
			{"sedAbC1x2", create, 0o644, false}, {"XXab12cd", create, 0o644, false}, {"tmpab12cd", excl, 0o644, false}, {"tmpab12ce", create, 0o644, false},
			{"KEY.x8Zq3a", create, 0o644, false}, {"KEYx8Zq3", create, 0o644, false}, {"edit.Qz8kLm", excl, 0o600, false}, {"oauth2Token", excl, 0o600, false},
			{"lower", excl, 0o600, false}, {"tls.key", excl, 0o600, false}, {"lower2", excl, 0o644, false}, {"lower3", create, 0o600, false},
			{"UPPER_1", excl, 0o600, false}, {"_UPPER", excl, 0o600, false}, {"Mixed", excl, 0o600, false},
			{"a.conf", create, 0o644, false}, {"KEY2", create, 0o644, false}, {"sedative", create, 0o644, false}, {"1x", create, 0o644, false},
		} {
			path := d.at("desk", c.name)
			file, err := os.OpenFile(path, c.flags, c.mode)
			require.NoError(t, err, c.name)
			_, err = file.WriteString("content of " + c.name)
			require.NoError(t, err)
			require.NoError(t, file.Close())
			text, err := os.ReadFile(path)
			require.NoError(t, err, "%s is found by name", c.name)
			require.Equal(t, "content of "+c.name, string(text))
			_, onServer := d.lookup("desk/" + c.name)
			require.Equal(t, !c.scratch, onServer, "%s with flags %#x and mode %o", c.name, c.flags, c.mode)
			list, err := os.ReadDir(d.at("desk"))
			require.NoError(t, err)
			var listed bool
			for _, entry := range list {
				listed = listed || entry.Name() == c.name
			}
			require.Equal(t, !c.scratch, listed, "%s in the listing", c.name)
			require.NoError(t, os.Remove(path))
			_, err = os.Stat(path)
			require.ErrorIs(t, err, os.ErrNotExist)
		}
		require.NotContains(t, d.record.names("desk"), ".KEY.swp")
	})
}

// Scratch is a file like any other, for the program that made it.
func TestScratchIsAnOrdinaryFile(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		binary := []byte("\xff\xfe\x00 not text\n\n\n")
		path := d.at("desk/.x.swp")
		require.NoError(t, os.WriteFile(path, binary, 0o600))
		require.NoError(t, os.Chmod(path, 0o640))
		require.NoError(t, os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
		require.Equal(t, int64(1e9), info.ModTime().Unix())
		require.NoError(t, os.Rename(path, d.at("desk/.y.swp")))
		text, err := os.ReadFile(d.at("desk/.y.swp"))
		require.NoError(t, err)
		require.Equal(t, binary, text)
		require.NoError(t, os.Truncate(d.at("desk/.y.swp"), 2))
		file, err := os.Open(d.at("desk/.y.swp"))
		require.NoError(t, err)
		defer file.Close()
		require.NoError(t, os.Remove(d.at("desk/.y.swp")))
		text = make([]byte, 10)
		n, _ := file.ReadAt(text, 0)
		require.Equal(t, "\xff\xfe", string(text[:n]), "an open file outlives its name")
		require.Empty(t, d.record.names("desk"))
	})
}

// Scratch cannot fill the memory.
func TestScratchIsBounded(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		chunk := make([]byte, 1<<20)
		var err error
		for i := 0; err == nil; i++ {
			require.Less(t, i, 256, "a quarter of a gigabyte")
			err = os.WriteFile(d.at("desk", fmt.Sprintf(".%d.swp", i)), chunk, 0o600)
		}
		require.ErrorIs(t, err, unix.ENOSPC)
		sh(t, d.at("desk"), `echo v > KEY`) // the rest works
		d.holds(t, "desk/KEY", "v\n")
	})
}

// The one way out of scratch: renamed onto the name of a secret.
func TestScratchBecomesASecretByRename(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		id := d.stored(t, "desk/KEY").ID
		sh(t, d.at("desk"), `echo new > .t1; echo made > .t2; mv .t1 KEY; mv .t2 MADE`)
		d.holds(t, "desk/KEY", "new\n")
		d.holds(t, "desk/MADE", "made\n")
		require.Equal(t, id, d.stored(t, "desk/KEY").ID)
		require.Equal(t, 2, d.stored(t, "desk/KEY").Version)
		require.Equal(t, []string{"PATCH KEY", "POST MADE"}, d.record.writes("desk"))

		require.NoError(t, os.WriteFile(d.at("desk/.bad"), []byte("\xff"), 0o600))
		require.ErrorIs(t, os.Rename(d.at("desk/.bad"), d.at("desk/KEY")), unix.EILSEQ)
		d.holds(t, "desk/KEY", "new\n")
		text, err := os.ReadFile(d.at("desk/.bad"))
		require.NoError(t, err, "what could not be renamed is where it was")
		require.Equal(t, "\xff", string(text))
	})
}

// A secret that is renamed to a backup's name is away, not deleted: writing it
// again is an update.
func TestASecretThatIsBackedUpIsWrittenAnew(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", map[string]string{"KEY": old, "OTHER": "other"})
		id := d.stored(t, "desk/KEY").ID
		require.NoError(t, os.Rename(d.at("desk/KEY"), d.at("desk/KEY~")))
		_, err := os.Stat(d.at("desk/KEY"))
		require.ErrorIs(t, err, os.ErrNotExist)
		require.Equal(t, "KEY~\nOTHER\n", sh(t, d.at("desk"), "ls"))
		require.Equal(t, old, sh(t, d.at("desk"), "cat KEY~"))
		require.NoError(t, os.Rename(d.at("desk/OTHER"), d.at("desk/OTHER.bak")))
		require.NoError(t, os.WriteFile(d.at("desk/OTHER"), []byte("new"), 0o644))
		d.holds(t, "desk/OTHER", "new")
		require.Equal(t, old, d.stored(t, "desk/KEY").Value, "the server was told nothing")
		require.Equal(t, []string{"PATCH OTHER"}, d.record.writes("desk"))

		// And back by hand, as an editor does that could not write.
		require.NoError(t, os.Rename(d.at("desk/KEY~"), d.at("desk/KEY")))
		d.holds(t, "desk/KEY", old)
		require.Equal(t, []string{"PATCH OTHER"}, d.record.writes("desk"), "nothing has changed")
		require.Equal(t, id, d.stored(t, "desk/KEY").ID)
	})
}

// Scratch and texts that were kept end with the mount.
func TestNothingOfScratchIsLeftAfterUnmount(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		sh(t, d.at("desk"), `echo x > .KEY.swp; rm KEY`)
		d.keeps(t, old)
		d.unmount(t)
		again := d.mount(t, "admin")
		require.Empty(t, again.rejected(t))
		_, err := os.Stat(again.path("demo/dev/desk/.KEY.swp"))
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}
