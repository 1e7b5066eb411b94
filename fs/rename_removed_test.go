package fs

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// Whoever frees a secret's name here, in whatever way, has not been overtaken by
// anybody when a file that is older takes the name, however much later and wherever
// the file was meanwhile.
func TestTemporaryThatTakesANameThatIsFreeForLong(t *testing.T) {
	const backup = key + ".bak"
	asBackup := func(k *fusetest.Kernel) error { return k.Rename(key, backup) }
	for name, leave := range map[string]func(*fusetest.Kernel) error{
		"removed":               func(k *fusetest.Kernel) error { return k.Unlink(key) },
		"renamed":               func(k *fusetest.Kernel) error { return k.Rename(key, "demo/dev/HELLO") },
		"renamed onto another":  func(k *fusetest.Kernel) error { return k.Rename(key, "demo/dev/EMPTY") },
		"moved":                 func(k *fusetest.Kernel) error { return k.Rename(key, "demo/dev/payments/GREETING") },
		"put aside":             asBackup,
		"put aside and removed": func(k *fusetest.Kernel) error { return errors.Join(asBackup(k), k.Unlink(backup)) },
		"put aside, removed later": func(k *fusetest.Kernel) error {
			err := asBackup(k)
			pass(time.Hour)
			return errors.Join(err, k.Unlink(backup))
		},
	} {
		for _, meanwhile := range []string{"demo/dev/C.tmp", "demo/dev/D.tmp", "demo/dev/payments/C.tmp"} {
			t.Run(name+" "+meanwhile, func(t *testing.T) {
				timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
					require.NoError(t, fusetest.WriteFile(k, "demo/dev/C.tmp", "new"))
					if meanwhile == "demo/dev/payments/C.tmp" { // nothing is here of the folder then
						require.NoError(t, k.Rename("demo/dev/C.tmp", meanwhile))
					}
					require.NoError(t, leave(k))
					pass(time.Hour)
					require.NoError(t, k.Unlink("demo/dev/payments/API_KEY")) // others are forgotten meanwhile
					if meanwhile == "demo/dev/D.tmp" {
						require.NoError(t, k.Rename("demo/dev/C.tmp", meanwhile))
					}
					require.NoError(t, k.Rename(meanwhile, key))
					w.requireValue(t, dev, "GREETING", "new")
				})
			})
		}
	}
}

// A folder that is removed or renamed here frees the names of all that was in it.
func TestTemporaryThatTakesANameInAFolderThatIsMadeAgain(t *testing.T) {
	const folder, file = "demo/dev/payments", "demo/dev/payments/API_KEY"
	for name, leave := range map[string]func(*fusetest.Kernel) error{
		"removed": func(k *fusetest.Kernel) error { return errors.Join(k.Unlink(file), k.Rmdir(folder)) },
		"renamed": func(k *fusetest.Kernel) error { return k.Rename(folder, "demo/dev/other") },
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
				_, err := fusetest.ReadFile(k, file) // what is read there is not the next one's
				require.NoError(t, err)
				require.NoError(t, fusetest.WriteFile(k, folder+"/C.tmp", "new"))
				require.NoError(t, k.Rename(folder+"/C.tmp", "demo/dev/C.tmp"))
				require.NoError(t, leave(k))
				pass(time.Hour)
				require.NoError(t, k.Mkdir(folder))
				require.NoError(t, k.Rename("demo/dev/C.tmp", file))
				w.requireValue(t, payments, "API_KEY", "new")
			})
		})
	}
}

// A folder that gets another name takes along what its temporary files are based on.
func TestTemporaryOfAFolderThatWasRenamed(t *testing.T) {
	for name, c := range map[string]struct {
		then func(*world)
		want error
	}{
		"as it was":          {func(*world) {}, nil},
		"changed by another": {func(w *world) { w.Set(dev.Child("other"), "API_KEY", "theirs") }, syscall.EBUSY},
		"removed by another": {func(w *world) { w.Remove(dev.Child("other"), "API_KEY") }, syscall.EBUSY},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
				require.NoError(t, fusetest.WriteFile(k, "demo/dev/payments/C.tmp", "new"))
				require.NoError(t, k.Rename("demo/dev/payments", "demo/dev/other"))
				c.then(w)
				pass(time.Hour)
				err := k.Rename("demo/dev/other/C.tmp", "demo/dev/other/API_KEY")
				if c.want == nil {
					require.NoError(t, err)
					w.requireValue(t, dev.Child("other"), "API_KEY", "new")
					return
				}
				require.Equal(t, c.want, err)
			}, ttl(-1))
		})
	}
}

// Somebody else who removes it, or makes another, has.
func TestTemporaryThatTakesANameThatSomebodyElseHasFreed(t *testing.T) {
	for name, then := range map[string]func(*testing.T, *world, *fusetest.Kernel){
		"removed": func(_ *testing.T, w *world, _ *fusetest.Kernel) { w.Remove(dev, "GREETING") },
		"made again": func(t *testing.T, w *world, k *fusetest.Kernel) {
			require.NoError(t, k.Unlink(key))
			pass(time.Hour)
			w.Set(dev, "GREETING", "theirs")
		},
		"removed when it was made again here": func(t *testing.T, w *world, k *fusetest.Kernel) {
			require.NoError(t, k.Unlink(key))
			require.NoError(t, fusetest.WriteFile(k, key, "again"))
			pass(time.Hour)
			w.Remove(dev, "GREETING")
			pass(time.Hour)
		},
		"removed when it was made again elsewhere and read here": func(t *testing.T, w *world, k *fusetest.Kernel) {
			require.NoError(t, k.Unlink(key))
			pass(time.Hour)
			w.Set(dev, "GREETING", "theirs")
			_, err := fusetest.ReadFile(k, key)
			require.NoError(t, err)
			w.Remove(dev, "GREETING")
		},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
				require.NoError(t, fusetest.WriteFile(k, "demo/dev/C.tmp", "new"))
				then(t, w, k)
				pass(time.Hour)
				require.Equal(t, syscall.EBUSY, k.Rename("demo/dev/C.tmp", key))
				text, err := fusetest.ReadFile(k, "demo/dev/C.tmp")
				require.NoError(t, err)
				require.Equal(t, "new", text)
			}, ttl(-1))
		})
	}
}
