package fs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/procend"
	"infisicalfs/internal/fusetest"
)

// A secret may have a backup's name, or a temporary's, of its own. Put aside and
// renamed back it is what it was, and what is written to it then is sent.
func TestBackupsNameThatIsTheSecretsOwn(t *testing.T) {
	for _, name := range []string{"KEY.old", "KEY~", "KEY.tmp", "KEY"} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				w.Set(dev, name, "hello, world")
				was, _ := w.Own(dev, name)
				require.NoError(t, k.Rename("demo/dev/"+name, "demo/dev/C.tmp"))
				require.NoError(t, k.Rename("demo/dev/C.tmp", "demo/dev/"+name))
				require.Zero(t, w.Counts().Writes.Whiteouts)
				require.NoError(t, k.Truncate("demo/dev/"+name, 5))
				w.requireValue(t, dev, name, "hello")
				p.end(procend.Exited)
				pass(time.Hour)
				require.Equal(t, []string{"update " + name}, w.Writes())
				now, _ := w.Own(dev, name)
				require.Equal(t, was.ID, now.ID)
			})
		})
	}
}

// A secret that was put aside, and then gets the name of a file that is only here,
// takes the place of that: mktemp's, which has ended, and one that waits.
func TestBackupOverAFileThatIsOnlyHere(t *testing.T) {
	for name, ends := range map[string]bool{"spared": true, "doubtful": false} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				const made = "demo/dev/GREETING.a8Gk2x"
				install(t, k, made, "")
				if ends {
					p.end(procend.Exited)
					pass(time.Hour)
				}
				require.NoError(t, k.Rename(key, "demo/dev/C.tmp"))
				require.NoError(t, k.Rename("demo/dev/C.tmp", made))
				for range 2 {
					text, err := fusetest.ReadFile(k, made)
					require.NoError(t, err)
					require.Equal(t, "hello, world", text)
					pass(time.Hour)
				}
				w.requireValue(t, dev, "GREETING.a8Gk2x", "hello, world")
				require.Equal(t, []string{"rename GREETING"}, w.Writes())
				require.Zero(t, w.Counts().Writes.ScratchFiles)
			})
		})
	}
}

// So does one that gets back its own name, where that is a temporary's.
func TestBackupThatGoesBackOverATemporary(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		w.Set(dev, "KEY~", "hello, world")
		require.NoError(t, k.Rename("demo/dev/KEY~", "demo/dev/C.tmp"))
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/KEY~", "temporary"))
		require.NoError(t, k.Rename("demo/dev/C.tmp", "demo/dev/KEY~"))
		text, err := fusetest.ReadFile(k, "demo/dev/KEY~")
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
		require.Zero(t, w.Counts().Writes.ScratchFiles)
	})
}

// A backup that is left here keeps its name where that is one that another secret has
// just left: nobody else has made a secret of it.
func TestLeftBackupUnderANameThatASecretHasLeft(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		w.Set(dev, "GREETING.bak", "older")
		require.NoError(t, k.Rename(backup, "demo/dev/GREETING~"))
		require.NoError(t, k.Rename(key, backup))
		require.NoError(t, fusetest.WriteFile(k, key, "new"))
		for range 2 {
			for file, want := range map[string]string{key: "new", backup: "hello, world", "demo/dev/GREETING~": "older"} {
				text, err := fusetest.ReadFile(k, file)
				require.NoError(t, err, file)
				require.Equal(t, want, text, file)
			}
			pass(time.Hour)
		}
		require.Empty(t, w.rejectedTexts())
	})
}
