package fs

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

const (
	key    = "demo/dev/GREETING"
	backup = "demo/dev/GREETING.bak"
)

// mv KEY KEY.bak by a person: the rename that was acknowledged happens.
func TestRenameToABackupIsCarriedOut(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		was, _ := w.Own(dev, "GREETING")
		before, err := k.Stat(key)
		require.NoError(t, err)
		require.NoError(t, k.Rename(key, backup))
		names, err := fusetest.Names(k, "demo/dev")
		require.NoError(t, err)
		require.Contains(t, names, "GREETING.bak")
		require.NotContains(t, names, "GREETING")
		p.end(procend.Exited)
		pass(overlay.AfterTheMaker - time.Millisecond)
		require.Empty(t, w.Writes(), "a script's next command may write it")
		pass(time.Millisecond)
		require.Equal(t, []string{"rename GREETING"}, w.Writes())
		now, _ := w.Own(dev, "GREETING.bak")
		require.Equal(t, was.ID, now.ID)
		after, err := k.Stat(backup)
		require.NoError(t, err)
		require.Equal(t, before.Ino, after.Ino)
		_, err = k.Stat(key)
		require.Equal(t, syscall.ENOENT, err)
		require.NoError(t, fusetest.WriteFile(k, backup, "changed"))
		w.requireValue(t, dev, "GREETING.bak", "changed")
		require.Zero(t, w.Counts().Writes.Whiteouts)
	})
}

func TestRenameToABackupIsCarriedOutAfterAMinute(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		require.NoError(t, k.Rename(key, backup))
		pass(time.Minute - time.Millisecond)
		require.Empty(t, w.Writes())
		pass(time.Millisecond)
		require.Equal(t, []string{"rename GREETING"}, w.Writes())
	})
}

// mv KEY KEY.bak; rm KEY.bak, and shred -u, which renames before it unlinks.
func TestUnlinkOfABackupDeletes(t *testing.T) {
	for name, way := range map[string][]string{"mv": {"GREETING.bak"}, "twice": {"GREETING.bak", "GREETING~"}, "shred": {"00000000", "0000000", "00", "0"}} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				last := key
				for _, next := range way {
					require.NoError(t, k.Rename(last, "demo/dev/"+next))
					last = "demo/dev/" + next
				}
				require.NoError(t, k.Unlink(last))
				require.Equal(t, []string{"delete GREETING"}, w.Writes())
				p.end(procend.Exited)
				pass(time.Hour)
				require.Equal(t, []string{"delete GREETING"}, w.Writes())
				require.Equal(t, map[string]string{"GREETING.1": "hello, world"}, w.rejectedTexts())
				_, err := k.Stat(key)
				require.Equal(t, syscall.ENOENT, err)
				require.Zero(t, w.Counts().Writes.ScratchFiles)
			})
		})
	}
}

// An editor puts the secret aside, writes it anew and removes the backup, or
// leaves it: one update, with id and history.
func TestSecretThatIsWrittenAnewKeepsItsID(t *testing.T) {
	for name, c := range map[string]struct {
		way  func(*testing.T, *fusetest.Kernel)
		want string
	}{
		"helix": {func(t *testing.T, k *fusetest.Kernel) {
			require.NoError(t, k.Rename(key, "demo/dev/GREETINGa8Gk2x.bck"))
			install(t, k, key, "new")
			require.NoError(t, k.Unlink("demo/dev/GREETINGa8Gk2x.bck"))
		}, "new"},
		"sed -i.old": {func(t *testing.T, k *fusetest.Kernel) {
			install(t, k, "demo/dev/sedAbC123", "new")
			require.NoError(t, k.Rename(key, "demo/dev/GREETING.old"))
			require.NoError(t, k.Rename("demo/dev/sedAbC123", key))
		}, "new"},
		"cp --backup": {func(t *testing.T, k *fusetest.Kernel) {
			require.NoError(t, k.Rename(key, "demo/dev/GREETING.~1~"))
			install(t, k, key, "new")
		}, "new"},
		"JetBrains": {func(t *testing.T, k *fusetest.Kernel) {
			install(t, k, "demo/dev/GREETING___jb_tmp___", "new")
			require.NoError(t, k.Rename(key, "demo/dev/GREETING___jb_old___"))
			require.NoError(t, k.Rename("demo/dev/GREETING___jb_tmp___", key))
			require.NoError(t, k.Unlink("demo/dev/GREETING___jb_old___"))
		}, "new"},
		"slowly": {func(t *testing.T, k *fusetest.Kernel) {
			require.NoError(t, k.Rename(key, backup))
			f, err := k.CreateFile(key, syscall.O_WRONLY, 0o600)
			require.NoError(t, err)
			pass(2 * time.Minute)
			_, err = f.WriteAt([]byte("new"), 0)
			require.NoError(t, err)
			require.NoError(t, k.Unlink(backup))
			require.NoError(t, f.Close())
		}, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				was, _ := w.Own(dev, "GREETING")
				c.way(t, k)
				for _, ended := range p.ended {
					ended(procend.Exited)
				}
				pass(time.Hour)
				now, _ := w.Own(dev, "GREETING")
				require.Equal(t, was.ID, now.ID)
				require.Equal(t, c.want, now.Value.Reveal())
				require.Equal(t, []string{"update GREETING"}, w.Writes())
			})
		})
	}
}

// An editor that removes its backup and then is killed before it has written has
// not destroyed the secret.
func TestSecretThatIsNotWrittenAnewAfterAllIsBack(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		require.NoError(t, k.Rename(key, backup))
		f, err := k.CreateFile(key, syscall.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("half"), 0)
		require.NoError(t, err)
		require.NoError(t, k.Unlink(backup))
		w.FailWrites(secrettest.KindUpdate, secret.ErrInvalid)
		require.Error(t, f.Close())
		p.end(procend.Killed)
		pass(2 * overlay.AfterTheMaker)
		text, err := fusetest.ReadFile(k, key)
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
		require.Equal(t, map[string]string{"GREETING.1": "half"}, w.rejectedTexts())
		require.Zero(t, w.Counts().Writes.Whiteouts)
	})
}

// What cannot be covered is renamed at once, or refused at once.
func TestSecretThatCannotBeCovered(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		for i := range overlay.MaxTemporary {
			require.NoError(t, fusetest.WriteFile(k, fmt.Sprintf("demo/dev/.%d.swp", i), "typed"))
		}
		require.NoError(t, k.Rename(key, backup))
		require.Equal(t, []string{"rename GREETING"}, w.Writes())
		w.Put(dev, secret.Secret{Name: "IMPORTED", Value: secret.NewValue("x"), Import: &payments})
		require.Equal(t, syscall.EPERM, k.Rename("demo/dev/IMPORTED", "demo/dev/IMPORTED.bak"))
	})
}

// Somebody else who creates the name makes another secret.
func TestStrangerDoesNotWriteAnew(t *testing.T) {
	stranger := exec.Command("/bin/sh", "-c", "read x")
	in, err := stranger.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, stranger.Start())
	defer func() { in.Close(); _ = stranger.Wait() }()
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		was, _ := w.Own(dev, "GREETING")
		require.NoError(t, k.Rename(key, backup))
		as(k, stranger.Process.Pid)
		install(t, k, key, "new")
		require.Equal(t, []string{"rename GREETING", "create GREETING"}, w.Writes())
		now, _ := w.Own(dev, "GREETING.bak")
		require.Equal(t, was.ID, now.ID)
		as(k, os.Getpid())
	})
}

// If the server refuses, the secret is where the server has it; during an outage
// nothing is decided.
func TestRenameToABackupThatCannotBeCarriedOut(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		require.NoError(t, k.Rename(key, backup))
		w.FailWrites(secrettest.KindRename, secret.ErrUnavailable)
		p.end(procend.Exited)
		pass(time.Hour)
		_, err := k.Stat(key)
		require.Equal(t, syscall.ENOENT, err)
		text, err := fusetest.ReadFile(k, backup)
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
		w.FailWrites(secrettest.KindRename, nil)
		pass(overlay.LastPause)
		w.requireValue(t, dev, "GREETING.bak", "hello, world")
	})
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		require.NoError(t, k.Rename(key, backup))
		w.Set(dev, "GREETING.bak", "somebody else's")
		p.end(procend.Exited)
		pass(time.Hour)
		text, err := fusetest.ReadFile(k, key)
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
		require.Contains(t, w.logs.String(), "could not be carried out")
		w.requireValue(t, dev, "GREETING.bak", "somebody else's")
	})
}

// Whoever goes on with the new name means the secret.
func TestBackupThatIsUsedIsTheSecret(t *testing.T) {
	for name, c := range map[string]struct {
		act    func(*fusetest.Kernel) error
		writes string
	}{
		"written":          {func(k *fusetest.Kernel) error { return fusetest.WriteFile(k, backup, "more") }, "rename GREETING; update GREETING.bak"},
		"moved":            {func(k *fusetest.Kernel) error { return k.Rename(backup, "demo/dev/payments/GREETING.bak") }, "rename GREETING; move GREETING.bak"},
		"replaced":         {func(k *fusetest.Kernel) error { return k.Rename("demo/dev/EMPTY", backup) }, "rename GREETING; update GREETING.bak; delete EMPTY"},
		"renamed":          {func(k *fusetest.Kernel) error { return k.Rename(backup, "demo/dev/HELLO") }, "rename GREETING"},
		"onto another":     {func(k *fusetest.Kernel) error { return k.Rename(backup, "demo/dev/EMPTY") }, "rename GREETING; update EMPTY; delete GREETING.bak"},
		"back":             {func(k *fusetest.Kernel) error { return k.Rename(backup, key) }, ""},
		"to a plain name~": {func(k *fusetest.Kernel) error { return k.Rename(backup, "demo/dev/GREETING~") }, "rename GREETING"},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				require.NoError(t, k.Rename(key, backup))
				require.NoError(t, c.act(k))
				p.end(procend.Exited)
				pass(time.Hour)
				require.Equal(t, c.writes, strings.Join(w.Writes(), "; "))
			})
		})
	}
}

// What is written with a handle from before the rename belongs to the new name.
func TestOpenHandleGoesAlongToABackup(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		f, err := k.Open(key, syscall.O_WRONLY|syscall.O_TRUNC)
		require.NoError(t, err)
		require.NoError(t, k.Rename(key, backup))
		_, err = f.WriteAt([]byte("written"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		p.end(procend.Exited)
		pass(time.Hour)
		require.Equal(t, []string{"rename GREETING", "update GREETING.bak"}, w.Writes())
		w.requireValue(t, dev, "GREETING.bak", "written")
		_, err = k.Stat(key)
		require.Equal(t, syscall.ENOENT, err)
	})
}

// cp KEY KEY.bak and the like are no editor's.
func TestBackupThatIsCreatedIsASecret(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		for _, name := range []string{"GREETING.bak", "GREETING.old", "server.key.orig", "GREETING.save", "DEADJOE", "ed.hup", "4711"} {
			install(t, k, "demo/dev/"+name, "kept")
			w.requireValue(t, dev, name, "kept")
		}
		// A backup that a program left here takes no copy in.
		install(t, k, "demo/dev/sedAbC123", "new")
		require.NoError(t, k.Rename(key, "demo/dev/GREETING.hup"))
		require.NoError(t, k.Rename("demo/dev/sedAbC123", key))
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING.hup", "a copy"))
		pass(overlay.DoubtfulFor)
		w.requireValue(t, dev, "GREETING.hup", "a copy")
	})
}

// Somebody else has made a secret of the backup's name before the rename was
// carried out: it is shown, and the secret has its old name.
func TestBackupNameThatSomebodyElseTakes(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/GREETING.bak"))
		w.Set(dev, "GREETING.bak", "theirs")
		p.end(procend.Exited)
		pass(overlay.AfterTheMaker)
		for name, want := range map[string]string{"GREETING": "hello, world", "GREETING.bak": "theirs"} {
			text, err := fusetest.ReadFile(k, "demo/dev/"+name)
			require.NoError(t, err, name)
			require.Equal(t, want, text)
		}
	}, ttl(-1))
}

// What cannot be a name on the server is refused at once, unless it is a
// temporary's.
func TestBackupNameThatCannotBe(t *testing.T) {
	w, k := alone(t)
	w.Set(dev, "payments", "beside its folder")
	require.Equal(t, syscall.EINVAL, k.Rename("demo/dev/payments%secret", "demo/dev/payments%secret.bak"))
	require.NoError(t, k.Rename("demo/dev/payments%secret", "demo/dev/payments%secret~"))
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/payments%secret", "new"))
	w.requireValue(t, dev, "payments", "new")
}

// An old version that a program has left here does not stand in front of a secret
// that somebody else makes of that name.
func TestLeftBackupGivesWayToASecret(t *testing.T) {
	w, k := alone(t, ttl(-1))
	require.NoError(t, k.Rename(key, backup))
	require.NoError(t, fusetest.WriteFile(k, key, "new"))
	text, err := fusetest.ReadFile(k, backup)
	require.NoError(t, err)
	require.Equal(t, "hello, world", text)
	w.Set(dev, "GREETING.bak", "theirs")
	text, err = fusetest.ReadFile(k, backup)
	require.NoError(t, err)
	require.Equal(t, "theirs", text)
	require.Equal(t, map[string]string{"GREETING.bak.1": "hello, world"}, w.rejectedTexts())
	require.Empty(t, w.Unsent())
	require.NoError(t, fusetest.WriteFile(k, backup, "mine"))
	w.requireValue(t, dev, "GREETING.bak", "mine")
}

// The name that a backup has left may be the next one's: both renames are carried
// out, each for its own secret.
func TestBackupUnderANameThatWasABackups(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		const first, second = "demo/dev/KEEP~", "demo/dev/.KEEP.swp"
		w.Set(dev, "OTHER", "other")
		require.NoError(t, k.Rename(key, first))
		pass(time.Hour)
		w.requireValue(t, dev, "KEEP~", "hello, world")
		require.NoError(t, k.Rename(first, second))
		require.NoError(t, k.Rename("demo/dev/OTHER", first))
		for file, want := range map[string]string{first: "other", second: "hello, world"} {
			text, err := fusetest.ReadFile(k, file)
			require.NoError(t, err, file)
			require.Equal(t, want, text, file)
		}
		pass(time.Hour)
		w.requireValue(t, dev, "KEEP~", "other")
		w.requireValue(t, dev, ".KEEP.swp", "hello, world")
		for _, gone := range []string{"GREETING", "OTHER"} {
			_, there := w.Own(dev, gone)
			require.False(t, there, gone)
		}
		require.Empty(t, w.rejectedTexts())
	})
}
