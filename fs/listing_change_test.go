//go:build linux

package fs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
)

// While a directory is read, names come and go, by our doing and by that of
// others: no name is read twice, and none that was there all the time is missed.
func TestReadingADirectoryWhileNamesComeAndGo(t *testing.T) {
	for name, remember := range map[string]time.Duration{"": 0, " with a cache in the kernel": time.Hour} {
		t.Run("names"+name, func(t *testing.T) {
			w := newWorld(writing, ttl(remember))
			mnt := fusetest.Mounted(t, w.Root(), w.Options())
			t.Cleanup(w.Close)
			folder := filepath.Join(mnt, "demo/dev/payments")
			random := rand.New(rand.NewPCG(10, uint64(remember)))
			const all = 300
			for i := range all {
				w.Set(payments, fmt.Sprintf("KEY_%04d", i), "x")
			}
			next := all
			for range 5 {
				w.Apply(w.change(t, payments, func() {})) // what the test did is no news
				w.awaitKernel()
				stays := map[string]bool{}
				for _, s := range snapshot(t, w.Fake, payments).Secrets {
					stays[s.Name] = true
				}
				dir, err := os.Open(folder)
				require.NoError(t, err)
				read := map[string]int{}
				for {
					names := someNames(t, dir)
					if len(names) == 0 {
						break
					}
					for _, name := range names {
						read[name]++
					}
					switch victim := fmt.Sprintf("KEY_%04d", random.IntN(next)); random.IntN(6) {
					case 0: // we remove one that was read, or was not
						if os.Remove(filepath.Join(folder, victim)) == nil {
							delete(stays, victim)
						}
					case 1: // we make one
						require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("KEY_%04d", next)), []byte("x"), 0o600))
						next++
					case 2: // somebody else removes one
						if _, there := w.Own(payments, victim); there {
							w.Apply(w.change(t, payments, func() { w.Remove(payments, victim) }))
							delete(stays, victim)
						}
					case 3: // somebody else makes one
						w.Apply(w.change(t, payments, func() { w.Set(payments, fmt.Sprintf("KEY_%04d", next), "x") }))
						next++
					case 4: // somebody else reads it
						_, err := os.ReadDir(folder)
						require.NoError(t, err)
					}
				}
				require.NoError(t, dir.Close())
				for name, times := range read {
					require.Equal(t, 1, times, name)
				}
				for name := range stays {
					require.Equal(t, 1, read[name], "%s was there all the time", name)
				}
			}
		})
	}
}

// someNames reads a little of a directory.
func someNames(t *testing.T, dir *os.File) (names []string) {
	buf := make([]byte, 700)
	for len(names) == 0 {
		n, err := unix.Getdents(int(dir.Fd()), buf)
		require.NoError(t, err)
		if n == 0 {
			return nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, nil)
	}
	return names
}
