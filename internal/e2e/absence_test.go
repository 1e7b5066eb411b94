package e2e

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// A server that takes longer than the soft deadline is waited for before a name is
// said not to exist, also by the first access after a refresh.
func TestNewNameOnASlowServer(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "OLD", "old") })
		require.Equal(t, "OLD\n", sh(t, d.at("desk"), "ls"))
		d.edit(t, func(e *devserver.Editor) error {
			if err := e.Set("demo", "dev", "/desk", "OLD", "changed"); err != nil {
				return err
			}
			return e.Set("demo", "dev", "/desk", "NEW", "new")
		})
		defer d.Inject(devserver.Fault{Delay: time.Second, Match: func(r *http.Request) bool { return r.Method == "GET" }})()
		d.refresh(t)
		require.Equal(t, "new", sh(t, d.at("desk"), "cat NEW"))
		require.Equal(t, "changed", sh(t, d.at("desk"), "cat OLD"))
		_, err := os.Stat(d.at("desk", "NONE"))
		require.ErrorIs(t, err, os.ErrNotExist)
	}, "--ttl=1h", "--soft-deadline=200ms", "--timeout=20s", "--watch=off")
}
