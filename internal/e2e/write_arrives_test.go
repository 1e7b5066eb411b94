package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// A file that becomes a secret by itself, and a rename that is carried out a
// moment later, were heard of when they were made here, and are not told again.
// The inode numbers stay, also when the kernel has forgotten the files.
func TestWatchersHearOfWhatArrivesOnce(t *testing.T) {
	d := newDesk(t, devserver.Current, []string{"desk"})
	d.have(t, "desk", map[string]string{"KEY": old, "OTHER": "other"})
	sh(t, d.at("desk"), "cat KEY OTHER")
	w := newWatcher(t, d.at("desk"))
	sh(t, d.at("desk"), `f=$(mktemp); echo natural > $f; install -m600 $f KEY-us2prod; rm $f; mv OTHER OTHER.bak`)
	numbers := func() string { return sh(t, d.at("desk"), "stat -c %i KEY-us2prod OTHER.bak") }
	made := numbers()
	heard := w.said(t, "KEY-us2prod", "OTHER", "OTHER.bak")
	require.Contains(t, heard, "CREATE KEY-us2prod in desk")
	require.Contains(t, heard, "MOVED_TO OTHER.bak in desk")
	require.Eventually(t, func() bool {
		_, arrived := d.lookup("desk/KEY-us2prod")
		_, renamed := d.lookup("desk/OTHER.bak")
		return arrived && renamed
	}, 20*time.Second, 10*time.Millisecond)
	d.refresh(t)
	require.Equal(t, made, numbers())
	d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "KEY", "changed") })
	d.refresh(t)
	_, err := os.ReadDir(d.at("desk"))
	require.NoError(t, err)
	w.hears(t, d.at("desk"), "KEY", "CLOSE_WRITE") // what had to be told was told before
	require.Equal(t, heard, w.said(t, "KEY-us2prod", "OTHER", "OTHER.bak"))
	d.holds(t, "desk/KEY-us2prod", "natural\n")
	d.holds(t, "desk/OTHER.bak", "other")
}
