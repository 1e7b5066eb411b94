package fs

import (
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// A secret that the server's answer does not tell truly is listed, and reading it
// is an error that is no denial. The rest of the folder is as it was, and who has
// the file open keeps what he opened.
func TestAGarbledSecretIsAnErrorByItself(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Set(dev, "KEY", "before")
		before, err := v.Open("demo/dev/KEY", syscall.O_RDONLY)
		require.NoError(t, err)
		defer before.Close()
		old, err := w.Folder(t.Context(), dev, secret.NeedProof)
		require.NoError(t, err)

		damage := func(f *secret.Folder) {
			f.Secrets = slices.Clone(f.Secrets)
			for i := range f.Secrets {
				if s := &f.Secrets[i]; s.Name == "KEY" {
					s.Value, s.Hidden, s.Garbled, s.Reason = secret.Value{}, true, true, "the value is not UTF-8"
				}
			}
			f.Secrets = append(f.Secrets, secret.Secret{Name: "bad\xffname", ID: "x", Hidden: true, Garbled: true, Reason: "the name is not UTF-8"})
			f.Sort()
		}
		w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			snap, err := w.Folder(ctx, dir, need)
			if err != nil || dir != dev {
				return snap, err
			}
			return snap.With(damage), nil
		})
		w.announce(secret.Change{Dir: dev, Old: old, New: old.With(damage)})

		text := make([]byte, 10)
		n, err := before.ReadAt(text, 0)
		require.NotEqual(t, syscall.EACCES, err, "what is damaged is nobody's refusal")
		require.Contains(t, []string{"before", ""}, string(text[:n]))
		list, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		for _, name := range []string{"KEY", "bad%FFname"} {
			require.Contains(t, list, name)
			_, err := v.Stat("demo/dev/" + name)
			require.NoError(t, err)
			_, err = fusetest.ReadFile(v, "demo/dev/"+name)
			require.Equal(t, syscall.EIO, err, name)
		}
		got, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.NotEmpty(t, got)
		_, err = fusetest.ReadFile(v, "demo/dev/.env")
		require.Equal(t, syscall.EIO, err, "a view cannot leave it out")
		require.Contains(t, w.logs.String(), "is not UTF-8")
	})
}
