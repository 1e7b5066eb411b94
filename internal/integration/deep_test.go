package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// One chain of folders that is deeper than bulk answers reach does not have all the
// others polled one by one.
func TestADeepChainIsPolledAlone(t *testing.T) {
	for profile, want := range map[devserver.Profile]int{
		devserver.Current: 2 + 2*2, // two in bulk, and two each for what is too deep
		devserver.Y2024:   1 + 2*2,
	} {
		t.Run(string(profile), func(t *testing.T) {
			play(t, devserver.Config{Profile: profile}, cache.Config{}, nil, func(w *world) {
				deep := []secret.Dir{{Project: "demo", Env: "prod", Path: strings.Repeat("/deep", 21)}, {Project: "demo", Env: "prod", Path: strings.Repeat("/deep", 22)}}
				w.edit(func(e *devserver.Editor) error {
					if err := e.Mkdir("demo", "prod", deep[1].Path); err != nil {
						return err
					}
					for _, dir := range deep {
						if err := e.Set("demo", "prod", dir.Path, "KEY", "deep"); err != nil {
							return err
						}
					}
					return nil
				})
				w.use(w.dirs...)
				w.use(deep...)
				time.Sleep(10 * time.Minute)
				minutes := 20
				n := w.asked(func() { time.Sleep(time.Duration(minutes) * time.Minute) })
				require.InDelta(w, want*minutes, n, float64(want*minutes)/4)
				for _, dir := range []secret.Dir{deep[1], w.dirs[50]} {
					w.changes()
					w.set(dir, "new")
					time.Sleep(2 * time.Minute)
					changes := w.changes()
					require.Len(w, changes, 1)
					require.Equal(w, "new", key(changes[0].New))
				}
			})
		})
	}
}
