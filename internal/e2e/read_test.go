package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// tree reads a directory: file path to content.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		require.Equal(t, int64(len(text)), info.Size(), path)
		name, _ := filepath.Rel(root, path)
		found[name] = string(text)
		return nil
	}))
	return found
}

func TestTheSampleIsWhatTheServerHas(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile})
		m := w.mount(t, "viewer", "--watch=off")
		require.Equal(t, "hello, world", sh(t, m.dir, "cat demo/dev/GREETING"))
		found := tree(t, m.path("demo"))
		require.Equal(t, "", found["dev/EMPTY"])
		require.True(t, strings.HasSuffix(found["dev/TLS_CERT"], "\n"))
		require.NotContains(t, found["dev/DATABASE_URL"], "${")
		require.Equal(t, found["dev/payments/STRIPE_KEY"], found["staging/STRIPE_KEY"], "staging imports it")
		for name, text := range found {
			require.Equal(t, text, sh(t, m.dir, "cat 'demo/"+name+"'"))
		}
	})
}

// many is a thousand secrets in a hundred folders, below prod.
func many(t *testing.T, w *world) map[string]string {
	t.Helper()
	want := map[string]string{"GREETING": "hello from prod"}
	w.edit(t, func(e *devserver.Editor) error {
		if err := e.Set("demo", "prod", "/", "GREETING", want["GREETING"]); err != nil {
			return err
		}
		for i := range 100 {
			folder := fmt.Sprintf("/team%d/service%02d", i%5, i)
			if i < 5 {
				folder = fmt.Sprintf("/team%d", i)
			}
			if err := e.Mkdir("demo", "prod", folder); err != nil {
				return err
			}
			for j := range 10 {
				name, value := fmt.Sprintf("KEY_%d", j), strings.Repeat(fmt.Sprintf("%s/%d ", folder, j), 1+j*j*10)
				if err := e.Set("demo", "prod", folder, name, value); err != nil {
					return err
				}
				want[folder[1:]+"/"+name] = value
			}
		}
		return nil
	})
	return want
}

// Programs that walk, over a thousand secrets in a hundred folders: right bytes,
// right sizes, no complaint, and how many requests the walk costs.
func TestProgramsThatWalk(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile})
		want := many(t, w)
		for name, command := range map[string]string{
			"cat":   `mkdir -p OUT && cd MNT && find . -type f | while read -r f; do mkdir -p "OUT/$(dirname "$f")" && cat "$f" > "OUT/$f"; done`,
			"cp":    `cp -a MNT/. OUT`,
			"tar":   `mkdir OUT && tar -C MNT -c . | tar -C OUT -x`,
			"rsync": `rsync -aAX MNT/ OUT`,
			"grep":  `mkdir OUT && grep -rc . MNT > OUT.lines && wc -l < OUT.lines`,
			"ls":    `mkdir OUT && ls -lR MNT > OUT.lines`,
		} {
			if !fullMatrix(profile) && name != "cat" && name != "tar" {
				continue
			}
			t.Run(name, func(t *testing.T) {
				m := w.mount(t, "viewer", "--watch=off") // whose requests are not the walk's
				before := m.status(t).Server.Total
				out := filepath.Join(w.tmp, string(profile)+"-"+name)
				t.Cleanup(func() { os.RemoveAll(out) })
				printed := sh(t, w.tmp, strings.NewReplacer("MNT", m.path("demo", "prod"), "OUT", out).Replace(command))
				s := m.status(t)
				cost := s.Server.Total - before
				t.Logf("%s: %d requests: %v", name, cost, s.Server.Requests)
				if !profile.Old() {
					require.LessOrEqual(t, cost, 3)
				}
				switch name {
				case "grep":
					require.Equal(t, fmt.Sprint(len(want)), strings.TrimSpace(printed))
				case "ls":
					for path, text := range want {
						require.Contains(t, readFile(t, out+".lines"), fmt.Sprintf(" %d ", len(text)), path)
					}
				default:
					require.Equal(t, want, tree(t, out))
				}
			})
		}
	})
}

// Folders that only hold others cost a walk nothing, however many they are. One that had
// secrets may be kept from who asks, and is asked for by itself.
func TestAWalkOverFoldersWithoutSecrets(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		w := newWorld(t, devserver.Config{Profile: profile})
		w.edit(t, func(e *devserver.Editor) error {
			err := e.Set("demo", "prod", "/", "GREETING", "hello from prod")
			for i := range 50 {
				path := fmt.Sprintf("/apps/app%02d/config", i)
				err = errors.Join(err, e.Mkdir("demo", "prod", path), e.Set("demo", "prod", path, "KEY", path))
			}
			return err
		})
		walk := func() int {
			m := w.mount(t, "viewer", "--watch=off")
			files := strings.Fields(sh(t, w.tmp, "find "+m.path("demo", "prod")+" -name KEY -exec cat {} + | tr -d '\\n' | sed 's,/apps,\\n&,g'"))
			require.Len(t, files, 50)
			return m.status(t).Server.Total
		}
		require.LessOrEqual(t, walk(), 5, "with the login and the projects")
		w.edit(t, func(e *devserver.Editor) error {
			return errors.Join(e.Set("demo", "prod", "/apps/app07", "KEY", "x"), e.Delete("demo", "prod", "/apps/app07", "KEY"))
		})
		require.LessOrEqual(t, walk(), 5+3)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// A server of 2024 has no bulk answer for folders and limits what may be asked
// in a minute. The windows are short here; the counts are those of a real one.
func TestAWalkUnderTheRateLimitFinishes(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile, RateLimit: shortWindows(profile)})
		want := many(t, w)
		m := w.mount(t, "viewer")
		require.Equal(t, want, tree(t, m.path("demo", "prod")))
		t.Logf("requests: %v", m.status(t).Server.Requests)
		for _, r := range w.Requests() {
			require.NotEqual(t, 429, r.Status, "the gate waits instead of running into the limit")
		}
	})
}

// shortWindows is the usual limit with windows of two seconds.
func shortWindows(profile devserver.Profile) devserver.RateLimit {
	limit := devserver.DefaultRateLimit(profile)
	limit.Window = 2 * time.Second
	return limit
}
