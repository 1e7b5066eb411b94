package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

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
