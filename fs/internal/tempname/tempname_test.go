package tempname

import (
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const excl = syscall.O_EXCL

var none = slices.Values[[]string](nil)

func TestTemporaries(t *testing.T) {
	for _, name := range []string{
		".hidden", ".KEY.swp", ".KEY.swpx", "#KEY#", ".#KEY", "KEY~", "KEY.~1~", "KEY#", "KEY.lock", "KEY.swp", "KEY.swx", "A.tmp", "A.temp", "A.rej", "A.part",
		"KEY.tmp-1764200000a1b2c3", "KEY.tmp.42", "KEY.dpkg-new", "KEY.dpkg-old", "db-journal", "db-wal", "db-shm", "KEY___jb_tmp___", "KEY.augnew", "KEY.vsctmp",
		"KEY.sb-1a2b3c4d-Qz8kLm", ".~tmp~", ".atomicwriteAb12Cd", "..npmrc.a8Gk2x", ".npmrc.swp", ".env.swp", ".git",
	} {
		require.True(t, Names{}.Temporary(name, none), name)
	}
	for _, name := range []string{
		"KEY", "key.pem", "db", "sedative", "KEY.bak", "KEY.old", "KEY.orig", "KEY.save", "4913", "0", "DEADJOE", "ed.hup", "tmpfile", "template", "KEY.a8Gk2x",
		".npmrc", ".netrc", ".pgpass", ".htpasswd", ".env", ".env.local", ".env.production.local", ".envrc", ".git-credentials", ".dockerconfigjson", ".ssh",
		"lock", "tmp", "journal", "wal-e", "apart", "counterpart", "KEY.locked",
	} {
		require.False(t, Names{}.Temporary(name, none), name)
	}
}

func TestDotfilesCanBeSecrets(t *testing.T) {
	all := Names{Dotfiles: true}
	siblings := slices.Values([]string{"KEY", ".wgetrc"})
	for _, name := range []string{".hidden", ".wgetrc", ".npmrc", ".KEY", ".git", ".KEY.txt"} {
		require.False(t, all.Temporary(name, siblings), name)
	}
	for _, name := range []string{
		".KEY.swp", ".KEY.swpx", ".#KEY", ".KEY.a8Gk2x", ".KEY1234567890", ".wgetrc.a8Gk2x", "..wgetrc.a8Gk2x", ".tmpAb12Cd", ".nfs00000000019a3f5d0000001a",
		".goutputstream-A8GK2X", ".~lock.KEY#", ".~tmp~", ".hidden~", ".hidden.tmp", ".fuse_hidden0000001", ".DS_Store", "._KEY",
	} {
		require.True(t, all.Temporary(name, siblings), name)
	}
}

func TestTemporaryDirectories(t *testing.T) {
	for _, name := range []string{".~tmp~", ".rsync-partial", ".atomicwriteAb12Cd", "KEY.lock", ".tmpAb12Cd", "upload.tmp"} {
		require.True(t, TemporaryDir(name), name)
	}
	for _, name := range []string{".git", ".ssh", ".config", ".venv", "folder", "locks"} {
		require.False(t, TemporaryDir(name), name)
	}
}

// One line for each way in which a traced program named its file.
func TestDoubtfulNames(t *testing.T) {
	roots := slices.Values([]string{"KEY", "db", "server.key"})
	for _, c := range []struct {
		name     string
		flags    uint32
		mode     uint32
		programs string
	}{
		{"sedAbC123", excl, 0o600, "sed -i"},
		{"XXabc123", excl, 0o600, "perl -i"},
		{"tmpab_d1234", excl, 0o600, "Python tempfile"},
		{"tmpDujiNR", excl, 0o600, "emacs (file-precious-flag)"},
		{"tmp.a8Gk2xQ1Zz", excl, 0o600, "mktemp"},
		{"sortAbC123", excl, 0o600, "sort -T"},
		{"sponge.vcVcVq", excl, 0o600, "sponge"},
		{"d2utmpAbC123", excl, 0o600, "dos2unix"},
		{"4913", excl, 0o644, "vim"},
		{"KEY.a8Gk2x", excl, 0o666, "GLib, Qt, mktemp"},
		{"KEY.oqjBpNg", excl, 0o644, "patch"},
		{"KEYa8Gk2x", excl, 0o600, "busybox sed -i, PHP tempnam"},
		{"KEY.a8Gk2xQ1Zz", excl, 0o600, "mktemp, ssh-keygen, augeas"},
		{"KEY-a8Gk2x.new", excl, 0o600, "mktemp, ssh-keygen, augeas"},
		{"KEYab_d1234", excl, 0o600, "Python tempfile"},
		{"KEY.ab_d1234.new", excl, 0o600, "Python tempfile"},
		{"KEYAb_d1234", excl, 0o600, "Perl File::Temp"},
		{"KEY123456789", excl, 0o600, "Go os.CreateTemp, Java createTempFile"},
		{"KEY-123456789.new", excl, 0o600, "mktemp, ssh-keygen, augeas"},
		{"KEY12345678901234567890.tmp2", excl, 0o600, "Go os.CreateTemp, Java createTempFile"},
		{"KEY20261127-4242-a1b2c3", excl, 0o600, "Ruby Tempfile"},
		{"KEY.3146571890", 0, 0o644, "write-file-atomic"},
		{"server.key.31465718", 0, 0o600, "write-file-atomic"},
		{"db-us2prod", excl, 0o600, "mktemp, ssh-keygen, augeas"}, // and a person's: its maker's end decides

		{"sedAbC123", 0, 0o600, ""}, {"sedAbC123", excl, 0o644, ""}, {"sedative", excl, 0o600, ""}, {"XXL", excl, 0o600, ""},
		{"KEY.a8Gk2x", 0, 0o600, ""}, {"db-us2prod", 0, 0o644, ""}, {"KEY.20261128", 0, 0o644, ""}, {"KEY_2", excl, 0o600, ""},
		{"KEY", excl, 0o600, ""}, {"49135", excl, 0o600, ""}, {"tmpfile", excl, 0o600, ""}, {"KEY.pem", excl, 0o600, ""},
		// A bare tail is never a row.
		{"oauth2Token", excl, 0o600, ""}, {"a8Gk2x", excl, 0o600, ""}, {"1234567890", excl, 0o600, ""}, {"s3Key", excl, 0o600, ""},
		{"id_ed25519", excl, 0o600, ""}, {"x509Cert", excl, 0o600, ""}, {"key-20240101", excl, 0o600, ""}, {"service001", excl, 0o600, ""},
	} {
		programs, _ := doubtful(c.name, c.flags, c.mode, roots)
		require.Equal(t, c.programs, programs, "%s %x %o", c.name, c.flags, c.mode)
	}
}

func TestBackupNames(t *testing.T) {
	for _, name := range []string{
		"KEY.bak", "KEY.old", "KEY.orig", "KEY.save", "KEYa8Gk2x.bck", "KEY.hup", "KEY___jb_old___", "KEY~", "KEY.~1~", ".KEY.swp", "#KEY#", "KEY.tmp", "000", "00", "0",
	} {
		require.True(t, Names{}.Backup("KEY", name), name)
	}
	for _, name := range []string{"KEY2", "OTHER.old", "KEY.a8Gk2x", "KEY.20261128", "0000", "4913", "bak", ".npmrc"} {
		require.False(t, Names{}.Backup("KEY", name), name)
	}
	require.True(t, Names{Dotfiles: true}.Backup("KEY", ".KEY.a8Gk2x"))
}

// The same name by cp, tar or a shell is a secret.
func TestEmergencyFiles(t *testing.T) {
	has := func(name string) bool { return name == "KEY" }
	for _, c := range []struct {
		name, program string
		yes, unsent   bool
	}{
		{"KEY.save", "nano", true, true}, {"KEY.save.1", "nano", true, true}, {"DEADJOE", "joe", true, true}, {"ed.hup", "ed", true, true}, {"KEY.bak", "vim", true, false},
		{"KEY.save", "cp", false, false}, {"DEADJOE", "cp", false, false}, {"ed.hup", "bash", false, false}, {"KEY.bak", "cp", false, false},
		{"OTHER.save", "nano", true, true}, {"KEY.old", "tar", false, false}, {"KEY", "nano", false, false},
	} {
		yes, unsent := Emergency(c.name, c.program, excl, has)
		require.Equal(t, c.yes, yes, "%s of %s", c.name, c.program)
		require.Equal(t, c.unsent, unsent, "%s of %s", c.name, c.program)
		if yes {
			require.True(t, MayBeEmergency(c.name), c.name)
		}
	}
	yes, _ := Emergency("KEY.save", "nano", 0, has)
	require.False(t, yes, "saved under that name")
	require.False(t, MayBeEmergency("KEY"))
	require.True(t, OnlyCopy(".KEY.swp"))
	require.True(t, OnlyCopy("#KEY#"))
	require.False(t, OnlyCopy("KEY~"))
	require.False(t, OnlyCopy("KEY.tmp"))
}
