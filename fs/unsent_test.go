package fs

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/unsent"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// kinds returns what would be lost, as "KIND PATH SIZE".
func kinds(list []UnsentText) (lines []string) {
	for _, t := range list {
		lines = append(lines, fmt.Sprintf("%s %s %d", t.Kind, t.Path, t.Size))
	}
	return lines
}

// What would be lost is known by name: refused texts, files that are open, swap
// files. Old values are not among it.
func TestWhatWouldBeLost(t *testing.T) {
	w, k := alone(t)
	require.NoError(t, k.Unlink("demo/dev/EMPTY"))
	require.NoError(t, k.Unlink("demo/dev/payments/API_KEY"))
	require.Empty(t, w.Unsent())
	require.Equal(t, syscall.ESTALE, save(t, k, "demo/dev/GREETING", "refused", func() { w.Set(dev, "GREETING", "theirs") }))
	f, err := k.CreateFile("demo/dev/NEW", syscall.O_WRONLY, 0o600)
	require.NoError(t, err)
	require.Len(t, w.Unsent(), 1, "there is no text yet")
	writeAll(t, f, "in the making")
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/.GREETING.swp", "words"))
	want := []string{"emergency /demo/dev/.GREETING.swp 5", "refused /demo/dev/GREETING 7", "open /demo/dev/NEW 13"}
	require.Equal(t, want, kinds(w.Unsent()))

	c := w.Counts().Writes
	require.Equal(t, want, kinds(c.Unsent))
	require.Equal(t, []int{25, 1, 14, 2}, []int{c.UnsentBytes, c.OldValues, c.OldValueBytes, c.Rejected})
	document, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(document), "words", "no text is in the status")

	value, about, ok := w.RejectedText("GREETING.2")
	require.True(t, ok)
	require.Equal(t, "refused", value.Reveal())
	require.Equal(t, []string{"old /demo/dev/payments/API_KEY 14", "refused /demo/dev/GREETING 7"}, kinds(w.Rejected()))
	require.Equal(t, writeback.NotWritten, about.Why)
	require.True(t, w.RemoveRejected("GREETING.2"))
	_, _, ok = w.RejectedText("GREETING.2")
	require.False(t, ok)
	require.NoError(t, f.Close())
	require.Equal(t, want[:1], kinds(w.Unsent()))
}

// Before an end what waits is sent, also if the server is away for a moment. A
// text in the middle of being written is waited for, and one that was refused is
// not sent behind its writer's back.
func TestSendUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, k := alone(t)
		require.Equal(t, syscall.ESTALE, save(t, k, "demo/dev/EMPTY", "refused", func() { w.Set(dev, "EMPTY", "theirs") }))
		f, _ := openHandle(t, w, k)
		writeAll(t, f, "half")
		g, err := k.CreateFile("demo/dev/NEW", syscall.O_WRONLY, 0o600)
		require.NoError(t, err)
		writeAll(t, g, "new")
		w.FailAll(secret.ErrUnavailable)
		time.AfterFunc(5*time.Second, func() { w.FailAll(nil) })
		time.AfterFunc(500*time.Millisecond, func() {
			_, err := f.WriteAt([]byte(" and half"), 4)
			require.NoError(t, err)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		require.Equal(t, []string{"refused /demo/dev/EMPTY 7"}, kinds(w.SendUnsent(ctx)))
		require.Less(t, time.Since(began), 10*time.Second)
		w.requireValue(t, dev, "GREETING", "half and half")
		w.requireValue(t, dev, "NEW", "new")
		w.requireValue(t, dev, "EMPTY", "theirs")
		require.NoError(t, f.Close())
		require.NoError(t, g.Close())
		require.Equal(t, []string{"update GREETING", "create NEW"}, sorted(w.Writes()))
	})
}

// sorted returns the writes that succeeded, each once, updates first.
func sorted(writes []string) (list []string) {
	for _, kind := range []string{"update", "create"} {
		for i := len(writes) - 1; i >= 0; i-- {
			if strings.HasPrefix(writes[i], kind) {
				list = append(list, writes[i])
				break
			}
		}
	}
	return list
}

// What cannot be sent in time is named, and kept.
func TestSendUnsentInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, k := alone(t)
		f, _ := openHandle(t, w, k)
		writeAll(t, f, "typed")
		w.FailAll(secret.ErrUnavailable)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		require.Equal(t, []string{"refused /demo/dev/GREETING 5"}, kinds(w.SendUnsent(ctx)))
		require.Equal(t, 20*time.Second, time.Since(began))
		w.FailAll(nil)
		w.FailWrites(secrettest.KindUpdate, secret.ErrDenied)
		writeAll(t, f, "other")
		again, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began = time.Now()
		require.Len(t, w.SendUnsent(again), 2)
		require.Less(t, time.Since(began), 5*time.Second, "a denial does not go away by waiting")
		require.Equal(t, syscall.EACCES, f.Close())
	})
}

// A user who has too much text here that the server does not have is told so by
// the first write of the next file, and by nothing else.
func TestNoRoomForMoreUnsentText(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		uid := uint32(0)
		if _, mounted := v.(fusetest.Disk); mounted {
			uid = uint32(os.Getuid())
		}
		large := strings.Repeat("x", 1<<20)
		for i := range unsent.MaxBytes >> 20 {
			w.rejected.Keep(unsent.Text{Dir: dev, Key: fmt.Sprint("KEY_", i), Value: secret.NewValue(large), UID: uid, Only: true})
		}
		w.Set(dev, "OTHER", "other")
		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("text"), 0)
		require.Equal(t, syscall.ENOSPC, err)
		require.Equal(t, syscall.EIO, f.Close(), "what there is of the text is a part")
		w.requireValue(t, dev, "GREETING", "hello, world")
		require.Equal(t, syscall.ENOSPC, v.Truncate("demo/dev/GREETING", 100))

		require.NoError(t, v.Truncate("demo/dev/GREETING", 5), "what makes it smaller is none of this")
		require.NoError(t, v.Truncate("demo/dev/GREETING", 0))
		require.NoError(t, v.Rename("demo/dev/OTHER", "demo/dev/GREETING"))
		require.NoError(t, v.Mkdir("demo/dev/folder"))
		require.NoError(t, v.Rmdir("demo/dev/folder"))
		require.NoError(t, v.Unlink("demo/dev/GREETING"))
		w.requireValue(t, payments, "API_KEY", "not-a-real-key")

		require.Len(t, w.Unsent(), unsent.MaxBytes>>20, "nothing of it had to go")
		require.True(t, w.RemoveRejected(w.Unsent()[0].Name))
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/payments/API_KEY", "there is room again"))
		for range 70 { // each gives its room back
			require.NoError(t, fusetest.WriteFile(v, "demo/dev/payments/API_KEY", large))
			require.NoError(t, fusetest.WriteFile(v, "demo/dev/payments/API_KEY", "small"))
		}
	})
}

// What waits for its fate is sent before an end as well, and a rename to the name
// of a backup is carried out.
func TestSendUnsentDecides(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "natural")
		require.NoError(t, k.Rename("demo/dev/EMPTY", "demo/dev/EMPTY.bak"))
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/.GREETING.swp", "words"))
		require.Equal(t, []string{
			"emergency /demo/dev/.GREETING.swp 5", "waiting /demo/dev/EMPTY.bak 0", "waiting /demo/dev/GREETING-us2prod 7",
		}, kinds(w.Unsent()))
		w.FailAll(secret.ErrUnavailable)
		time.AfterFunc(3*time.Second, func() { w.FailAll(nil) })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.Equal(t, []string{"emergency /demo/dev/.GREETING.swp 5"}, kinds(w.SendUnsent(ctx)))
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
		w.requireValue(t, dev, "EMPTY.bak", "")
	})
}
