package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const old = "old value\n"

// Until the close that says so, readers and the server have the old value, its
// size included; then the new one.
func TestReadersSeeOnlyWhatIsCommitted(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		writer, reader := startProcess(t, d.at("desk")), startProcess(t, d.at("desk"))
		reader.do(t, "open", "held", "KEY", "r")
		for _, step := range [][]string{
			{"open", "f", "KEY", "rw,trunc"}, {"write", "f", "a new "}, {"ftruncate", "f", "2"}, {"pwrite", "f", "2", "value"},
		} {
			writer.do(t, step...)
			require.Equal(t, old, reader.do(t, "cat", "KEY"), step)
			require.Equal(t, "10", reader.do(t, "size", "KEY"), step)
			require.Equal(t, old, d.stored(t, "desk/KEY").Value, step)
		}
		require.Equal(t, "a value", writer.do(t, "read", "f"), "the writer reads what it wrote")
		writer.do(t, "close", "f")
		d.holds(t, "desk/KEY", "a value")
		require.Equal(t, "a value", reader.do(t, "cat", "KEY"))
		_, err := reader.try("read", "held")
		require.ErrorContains(t, err, "stale", "an open file has its version or an error")
		require.Equal(t, []string{"PATCH KEY"}, d.record.writes("desk"))
	})
}

// A new file is a secret when it is closed, not before.
func TestANewFileIsASecretWhenItIsClosed(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		writer := startProcess(t, d.at("desk"))
		writer.do(t, "open", "f", "NEW", "w,creat")
		writer.do(t, "write", "f", "half")
		require.Empty(t, d.record.writes("desk"))
		writer.do(t, "write", "f", " and half")
		writer.do(t, "close", "f")
		d.holds(t, "desk/NEW", "half and half")
		require.Equal(t, []string{"POST NEW"}, d.record.writes("desk"))
	})
}

// The close of a descriptor that a child or a dup had is not the last word.
func TestACloseByAnotherProcessSendsNothing(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "open", "f", "KEY", "w,trunc")
		p.do(t, "write", "f", "one ")
		p.do(t, "child", "f")
		require.Empty(t, d.record.writes("desk"), "a child that ends closes what it inherited")
		p.do(t, "write", "f", "two")
		p.do(t, "close", "f")
		d.holds(t, "desk/KEY", "one two")
		require.Equal(t, []string{"PATCH KEY"}, d.record.writes("desk"))

		sh(t, d.at("desk"), `bash -c 'exec 3>KEY; /bin/echo three >&3; /bin/echo four >&3; exec 3>&-'`)
		d.holds(t, "desk/KEY", "three\nfour\n")
		require.Len(t, d.record.writes("desk"), 2, "children wrote, the shell closed")

		// Dash makes a dup in itself for each command.
		sh(t, d.at("desk"), `exec 3>KEY; /bin/echo five >&3; /bin/echo six >&3; exec 3>&-`)
		d.holds(t, "desk/KEY", "five\nsix\n")
	})
}

// A child may also be the one that closes last.
func TestTheLastCloseIsAnothers(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		fifo := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, unix.Mkfifo(fifo, 0o600))
		sh(t, d.at("desk"), `{ cat `+fifo+` & } > KEY; echo new value > `+fifo+`; wait`)
		soon(t, "the value", func() bool { return d.stored(t, "desk/KEY").Value == "new value\n" })
		require.Len(t, d.record.writes("desk"), 1)
	})
}

// A dup that is closed midway may publish what is there; the last close wins.
func TestADupClosedMidway(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "open", "f", "KEY", "w,trunc")
		p.do(t, "dup", "f", "g")
		p.do(t, "write", "f", "one ")
		p.do(t, "close", "g")
		require.Contains(t, []string{old, "one"}, d.stored(t, "desk/KEY").Value)
		p.do(t, "write", "f", "two")
		p.do(t, "close", "f")
		d.holds(t, "desk/KEY", "one two")
	})
}

// What fsync acknowledged stays, whatever comes after it.
func TestFsyncIsAnAcknowledgement(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "open", "f", "KEY", "w,trunc")
		p.do(t, "write", "f", "synced")
		p.do(t, "fsync", "f")
		require.Equal(t, "synced", d.stored(t, "desk/KEY").Value)
		p.do(t, "write", "f", " and lost")
		p.kill(t, syscall.SIGKILL)
		d.settled(t)
		d.holds(t, "desk/KEY", "synced")
	})
}

// The server trims; the mount shows what the server made of it.
func TestWhatTheServerStoredIsShown(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		for written, stored := range map[string]string{
			"x\n\n\n": "x\n", "  x  ": "x", "\tx\n ": "x", "\n": "\n", "   ": "", "a\r\nb\r\n": "a\r\nb\n", "\ufeffx\u00a0": "x", "naïve\n": "naïve\n",
			"\x00": "\x00", "": "",
		} {
			require.NoError(t, os.WriteFile(d.at("desk/KEY"), []byte("between"), 0o644))
			require.NoError(t, os.WriteFile(d.at("desk/KEY"), []byte(written), 0o644))
			soon(t, "the last close is told", func() bool { return d.stored(t, "desk/KEY").Value == stored })
			d.holds(t, "desk/KEY", stored)
		}
	})
}

// Nothing is sent for the value that is there already, nor for no change at all.
func TestTheSameValueSendsNothing(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one("v\n"))
		p := startProcess(t, d.at("desk"))
		p.do(t, "put", "KEY", "v\n")
		p.do(t, "open", "f", "KEY", "rw")
		p.do(t, "close", "f")
		p.do(t, "open", "f", "KEY", "w,append")
		p.do(t, "close", "f")
		d.settled(t)
		require.Empty(t, d.record.writes("desk"))
		require.Equal(t, 1, d.stored(t, "desk/KEY").Version)
	})
}

// Appending goes to the end of what is there, whatever the kernel believes that
// to be.
func TestAppending(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one("1\n"))
		a, b := startProcess(t, d.at("desk")), startProcess(t, d.at("desk"))
		a.do(t, "put", "KEY", "2\n", "w,append")
		b.do(t, "put", "KEY", "3\n", "w,append")
		a.do(t, "cat", "KEY")
		a.do(t, "put", "KEY", "4\n", "w,append")
		d.holds(t, "desk/KEY", "1\n2\n3\n4\n")

		// The size changes behind the mount's back while the file is open.
		d.have(t, "desk", map[string]string{"OTHER": "1\n"})
		b.do(t, "open", "f", "OTHER", "w,append")
		b.do(t, "write", "f", "2\n")
		b.do(t, "write", "f", "3\n")
		b.do(t, "close", "f")
		d.holds(t, "desk/OTHER", "1\n2\n3\n")
	})
}

// truncate(2) has no file open: it reads, changes and sends.
func TestTruncatingByPath(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one("0123456789"))
		require.NoError(t, os.Truncate(d.at("desk/KEY"), 4))
		d.holds(t, "desk/KEY", "0123")
		require.NoError(t, os.Truncate(d.at("desk/KEY"), 0))
		d.holds(t, "desk/KEY", "")
		require.Len(t, d.record.writes("desk"), 2)
	})
}

func TestNoSharedWritableMappings(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "open", "f", "KEY", "rw")
		p.fails(t, unix.ENODEV, "mmap", "f")
		p.do(t, "close", "f")
	})
}

// What only a server could know is told at the last moment; what is known
// without it, at once: too large, not text.
func TestValuesThatCannotBe(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "open", "f", "KEY", "w,trunc")
		var err error
		for range 3 {
			if _, err = p.try("write", "f", strings.Repeat("x", 1<<19)); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, unix.EFBIG)
		p.try("close", "f")
		require.Equal(t, old, d.stored(t, "desk/KEY").Value, "a part of a value is never sent")

		err = os.WriteFile(d.at("desk/KEY"), []byte("bad \xff\xfe"), 0o644)
		require.ErrorIs(t, err, unix.EILSEQ)
		err = os.WriteFile(d.at("desk/KEY"), []byte(strings.Repeat(`"`, 600_000)), 0o644)
		require.ErrorIs(t, err, unix.EFBIG, "it would be too large in JSON")
		d.settled(t)
		d.holds(t, "desk/KEY", old)
		require.Empty(t, d.record.writes("desk"))
	})
}

// Modes say what can be done; what has no meaning here succeeds without effect.
func TestModesAndAttributes(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		info, err := os.Stat(d.at("desk/KEY"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		info, err = os.Stat(d.at("desk"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		require.NoError(t, os.Chmod(d.at("desk/KEY"), 0o644))
		require.NoError(t, os.Chown(d.at("desk/KEY"), os.Getuid(), os.Getgid()))
		info, err = os.Stat(d.at("desk/KEY"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

		require.NoError(t, unix.Setxattr(d.at("desk/KEY"), "user.infisical.comment", []byte("why"), 0))
		require.Equal(t, "why", d.stored(t, "desk/KEY").Comment)
		d.holds(t, "desk/KEY", old)
		require.ErrorIs(t, unix.Setxattr(d.at("desk/KEY"), "system.posix_acl_access", []byte{2, 0, 0, 0}, 0), unix.ENOTSUP)
		require.ErrorIs(t, unix.Setxattr(d.at("desk/KEY"), "user.infisical.other", []byte("x"), 0), unix.EPERM)
		require.NoError(t, unix.Setxattr(d.at("desk/KEY"), "user.infisical.id", []byte("x"), 0))
		id := make([]byte, 100)
		n, err := unix.Getxattr(d.at("desk/KEY"), "user.infisical.id", id)
		require.NoError(t, err)
		require.Equal(t, d.stored(t, "desk/KEY").ID, string(id[:n]))
	})
}
