package compat

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// place is a directory whose files change: one on tmpfs, as a program or the kubelet changes it, or a
// mount, of which the server is changed.
type place struct {
	dir    string
	layout string // tree or k8s
	// set has it hold these files and no others, but for .env, which has the lines of them all.
	set func(files map[string]string)
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

// withViews returns the files, and beside them those that have all of them.
func withViews(t *testing.T, files map[string]string) map[string]string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&lines, "%s='%s'\n", strings.ReplaceAll(name, ".", "_"), strings.ReplaceAll(files[name], "\n", " "))
	}
	object, err := json.MarshalIndent(files, "", "  ")
	require.NoError(t, err)
	all := map[string]string{".env": lines.String(), ".secrets.json": string(object)}
	maps.Copy(all, files)
	return all
}

// overwrite changes a file as an editor does that writes in place: it is never empty meanwhile.
func overwrite(t *testing.T, path, text string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	if info, err := f.Stat(); err == nil && info.Size() > int64(len(text)) {
		require.NoError(t, f.Truncate(int64(len(text))))
	}
	require.NoError(t, f.Close())
}

// onTmpfs makes a directory on a tmpfs.
func onTmpfs(t *testing.T) string {
	t.Helper()
	var fs unix.Statfs_t
	require.NoError(t, unix.Statfs("/dev/shm", &fs))
	require.EqualValues(t, unix.TMPFS_MAGIC, fs.Type, "/dev/shm is no tmpfs")
	dir, err := os.MkdirTemp("/dev/shm", "infisicalfs-compat-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// writtenPlace is a directory in which somebody writes files in place.
func writtenPlace(t *testing.T, files map[string]string) *place {
	dir, before := onTmpfs(t), map[string]string{}
	p := &place{dir: dir, layout: "tree"}
	p.set = func(files map[string]string) {
		t.Helper()
		files = withViews(t, files)
		for name := range before {
			if _, stays := files[name]; !stays {
				require.NoError(t, os.Remove(p.path(name)))
			}
		}
		for name, value := range files {
			if before[name] != value {
				overwrite(t, p.path(name), value)
			}
		}
		before = files
	}
	p.set(files)
	return p
}

// kubeletPlace is a directory that changes as a volume of Kubernetes does: another directory is filled, ..data is
// moved to lead there, names come and go, and then the directory before is removed.
func kubeletPlace(t *testing.T, files map[string]string) *place {
	p := &place{dir: onTmpfs(t), layout: "k8s"}
	before, last, n := map[string]string{}, "", 0
	p.set = func(files map[string]string) {
		t.Helper()
		n++
		now := time.Now().Format("..2006_01_02_15_04_05.") + fmt.Sprintf("%09d", n)
		require.NoError(t, os.Mkdir(p.path(now), 0o755))
		shown := withViews(t, files)
		for name, value := range shown {
			require.NoError(t, os.WriteFile(filepath.Join(p.path(now), name), []byte(value), 0o600))
		}
		require.NoError(t, os.Symlink(now, p.path("..data_tmp")))
		require.NoError(t, os.Rename(p.path("..data_tmp"), p.path("..data")))
		for name := range shown {
			if _, was := before[name]; !was {
				require.NoError(t, os.Symlink(filepath.Join("..data", name), p.path(name)))
			}
		}
		for name := range before {
			if _, stays := shown[name]; !stays {
				require.NoError(t, os.Remove(p.path(name)))
			}
		}
		if last != "" {
			require.NoError(t, os.RemoveAll(p.path(last)))
		}
		before, last = shown, now
	}
	p.set(files)
	return p
}

// mountedPlace is a folder of a mount. IMPORTED is imported from another one.
func mountedPlace(t *testing.T, layout string, files map[string]string) *place {
	w := newServer(t)
	w.fill("watched", nil)
	w.fill("other", nil)
	require.NoError(t, w.Edit(func(e *devserver.Editor) error { return e.Import("demo", "dev", "/watched", "dev", "/other") }))
	before := map[string]string{}
	p := &place{dir: w.path("watched"), layout: layout}
	p.set = func(files map[string]string) {
		t.Helper()
		require.NoError(t, w.Edit(func(e *devserver.Editor) error {
			for name := range before {
				if _, stays := files[name]; !stays {
					if err := e.Delete("demo", "dev", "/watched", name); err != nil {
						return err
					}
				}
			}
			for name, value := range files {
				folder := "/watched"
				if name == "IMPORTED" {
					folder = "/other"
				}
				if before[name] == value {
					continue
				}
				if err := e.Set("demo", "dev", folder, name, value); err != nil {
					return err
				}
			}
			return nil
		}))
		before = files
	}
	p.set(files)
	w.mount(append([]string{"--layout=" + layout, "--read-only", "--env-dialect=literal", "--list-views=.secrets.json"}, polling...)...)
	return p
}
