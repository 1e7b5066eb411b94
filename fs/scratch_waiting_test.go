package fs

import (
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

// What would be lost is known, and what may be sent is sent at the end, without
// waiting for anybody.
func TestOverlayIsSentAtTheEnd(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		w.Set(dev, "OTHER", "other")
		install(t, k, natural, "natural")
		install(t, k, "demo/dev/GREETING.a8Gk2x", "")
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/.GREETING.swp", "typed"))
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/.GREETING.tmp", "temporary"))
		require.NoError(t, k.Rename("demo/dev/OTHER", "demo/dev/OTHER.bak"))
		open, err := k.CreateFile("demo/dev/GREETING-open00", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		_, err = open.WriteAt([]byte("being written"), 0)
		require.NoError(t, err)
		names := func() (list []string) {
			for _, text := range w.overlay.Waiting() {
				list = append(list, text.At.Name)
			}
			return list
		}
		require.Equal(t, []string{".GREETING.swp", "GREETING-open00", "GREETING-us2prod", "OTHER.bak"}, names())

		w.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
		require.True(t, w.sendOverlay(t.Context()))
		require.Equal(t, []string{".GREETING.swp", "GREETING-open00", "GREETING-us2prod"}, names())
		w.FailWrites(secrettest.KindCreate, nil)
		require.True(t, w.sendOverlay(t.Context()), "one is open")
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
		w.requireValue(t, dev, "OTHER.bak", "other")
		require.NoError(t, open.Close())
		p.end(procend.Exited)
		pass(overlay.MakerGrace / 2)
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING.a8Gk2x", "filled by another"))
		require.False(t, w.sendOverlay(t.Context()))
		w.requireValue(t, dev, "GREETING-open00", "being written")
		require.Equal(t, []string{".GREETING.swp", "GREETING.a8Gk2x"}, names(), "nobody has renamed it")
	})
}

// What somebody has written is his, whatever has become of the folder.
func TestTextsOfARevokedFolderAreKept(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		install(t, k, natural, "natural")
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/.GREETING.swp", "typed"))
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/.GREETING.tmp", "temporary"))
		w.Apply(secret.Change{Dir: dev, Err: secret.ErrDenied})
		require.Equal(t, map[string]string{".GREETING.swp.1": "typed", "GREETING-us2prod.2": "natural"}, w.rejectedTexts())
		require.Zero(t, w.Counts().Writes.ScratchFiles+w.Counts().Writes.DoubtfulFiles)
		pass(time.Hour)
		require.Empty(t, w.Writes())
	})
}

func TestTypedTextsOfARemovedFolderAreKept(t *testing.T) {
	w, k := alone(t)
	require.NoError(t, k.Mkdir("demo/dev/folder"))
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/folder/.KEY.swp", "typed"))
	require.NoError(t, k.Rmdir("demo/dev/folder"))
	require.Equal(t, map[string]string{".KEY.swp.1": "typed"}, w.rejectedTexts())
	require.Empty(t, w.Unsent(), "its owner has removed it")
}

// What takes the place of a file that status names is named too: sed -i on what
// mktemp has made and a script has filled.
func TestFileInThePlaceOfOneThatIsNamed(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, "demo/dev/GREETING.a8Gk2x", "")
		p.end(procend.Exited)
		pass(overlay.MakerGrace)
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING.a8Gk2x", "typed"))
		want := []string{"waiting /demo/dev/GREETING.a8Gk2x 5"}
		require.Equal(t, want, kinds(w.Unsent()))
		install(t, k, "demo/dev/sedb8Gk2x", "edited")
		require.NoError(t, k.Rename("demo/dev/sedb8Gk2x", "demo/dev/GREETING.a8Gk2x"))
		p.end(procend.Exited)
		pass(time.Hour)
		require.Equal(t, []string{"waiting /demo/dev/GREETING.a8Gk2x 6"}, kinds(w.Unsent()))
		require.NoError(t, k.Rename("demo/dev/GREETING.a8Gk2x", "demo/dev/GREETING"))
		w.requireValue(t, dev, "GREETING", "edited")
		require.Empty(t, w.Unsent())
	})
}
