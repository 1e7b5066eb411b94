package e2e

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// After a refresh the kernel remembers nothing from before, not even a size.
func TestStatAfterARefresh(t *testing.T) {
	t.Parallel()
	d := newDesk(t, devserver.Current, []string{"desk"}, "--ttl=1h", "--watch=off")
	set := func(i int) {
		d.edit(t, func(e *devserver.Editor) error {
			for n := range 40 {
				if err := e.Set("demo", "dev", "/desk", fmt.Sprint("KEY_", n), strings.Repeat("x", i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range 30 {
		set(i)
		d.refresh(t)
		for n := 39; n >= 0; n-- {
			info, err := os.Stat(d.at("desk", fmt.Sprint("KEY_", n)))
			require.NoError(t, err)
			require.EqualValues(t, i, info.Size())
		}
	}
}

// Nor that a name is absent, which it may do for a second otherwise.
func TestNewNameAfterARefresh(t *testing.T) {
	t.Parallel()
	d := newDesk(t, devserver.Current, []string{"desk"}, "--ttl=1h", "--watch=off")
	for n := range 20 {
		name := fmt.Sprint("KEY_", n)
		_, err := os.Stat(d.at("desk", name))
		require.ErrorIs(t, err, os.ErrNotExist)
		d.have(t, "desk", map[string]string{name: "new"})
		d.refresh(t)
		require.Equal(t, "new", sh(t, d.at("desk"), "cat "+name))
	}
}

// newVersionWaits is how long who has an older version open is waited for, at least.
const newVersionWaits = 250 * time.Millisecond

// Where nothing is kept, a secret without a date (an imported one, any of July 2024) has
// another date in each answer. Who reads it is not disturbed by that.
func TestADateThatTheServerDoesNotSay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		m := newWorld(t, devserver.Config{Profile: profile}).mount(t, "viewer", "--ttl=0", "--max-stale=0", "--watch=off")
		for _, name := range []string{"demo/dev/GREETING", "demo/staging/STRIPE_KEY"} {
			want := readFile(t, m.path(name))
			f, err := os.Open(m.path(name))
			require.NoError(t, err)
			defer f.Close()
			require.Never(t, func() bool {
				_, err := os.Stat(m.path(name))
				return err != nil
			}, 2*newVersionWaits, newVersionWaits/10)
			text, err := io.ReadAll(f)
			require.NoError(t, err, name)
			require.Equal(t, want, string(text))
		}
	})
}
