package engines

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func named(name string) map[string]any { return map[string]any{"Name": name} }

func withID(name, id string) map[string]any { return map[string]any{"Name": name, "ID": id} }

func withOptions(name string, options ...string) map[string]any {
	opts := map[string]string{"project": "demo", "env": "dev"}
	for i := 0; i < len(options); i += 2 {
		opts[options[i]] = options[i+1]
	}
	return map[string]any{"Name": name, "Opts": opts}
}

// Calls that engines of these versions do not make, and others may.
func TestUnusualCalls(t *testing.T) {
	t.Parallel()
	p := newWorld(t).plugin()
	p.must("VolumeDriver.Create", withOptions("v"))
	p.must("VolumeDriver.Create", withOptions("v"))
	_, err := p.ask("VolumeDriver.Create", withOptions("v", "path", "/payments"))
	require.ErrorContains(t, err, "there is a volume v with other options (use another name, or remove it first)")
	p.must("VolumeDriver.Unmount", withID("v", "never seen"))
	p.must("VolumeDriver.Unmount", withID("no such volume", "never seen"))
	p.must("VolumeDriver.Remove", named("no such volume"))
	_, err = p.ask("VolumeDriver.Mount", withID("no such volume", "one"))
	require.ErrorContains(t, err, "there is no such volume")
	for _, name := range []string{"..", "a/b", "", "."} {
		_, err := p.ask("VolumeDriver.Create", withOptions(name))
		require.ErrorContains(t, err, "no volume can be called", name)
	}
	p.must("VolumeDriver.Mount", withID("v", "one"))
	_, err = p.ask("VolumeDriver.Remove", named("v"))
	require.ErrorContains(t, err, "in use")
	p.must("VolumeDriver.Unmount", withID("v", "one"))
	p.must("VolumeDriver.Remove", named("v"))
}

// The plugin is killed after each call, and has what it had.
func TestKilledBetweenCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plugin()
	file := filepath.Join(w.dir, "v", "v", "GREETING")
	reads := func() {
		t.Helper()
		require.True(t, eventually(func() bool { text, _ := os.ReadFile(file); return string(text) == "hello, world" }))
	}
	p.must("VolumeDriver.Create", withOptions("v"))
	p.restart(unix.SIGKILL)
	p.must("VolumeDriver.Create", withOptions("v"))
	p.must("VolumeDriver.Mount", withID("v", "one"))
	reads()
	p.restart(unix.SIGKILL)
	reads()
	p.must("VolumeDriver.Mount", withID("v", "one"))
	p.must("VolumeDriver.Mount", withID("v", "two"))
	p.restart(unix.SIGKILL)
	p.must("VolumeDriver.Unmount", withID("v", "one"))
	reads()
	p.restart(unix.SIGKILL)
	p.must("VolumeDriver.Unmount", withID("v", "two"))
	require.NoFileExists(t, file)
	p.restart(unix.SIGKILL)
	require.Len(t, p.must("VolumeDriver.List", nil)["Volumes"], 1)
	p.must("VolumeDriver.Remove", named("v"))
	p.restart(unix.SIGKILL)
	require.Empty(t, p.must("VolumeDriver.List", nil)["Volumes"])
}

const manyVolumes = 100

// Many volumes of one environment, all at once: on a busy machine some are told to try
// again, and are mounted then. The server is asked as if there were a few.
func TestManyVolumesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plugin()
	again := func(call string, request map[string]any) (err error) {
		eventually(func() bool {
			_, err = p.ask(call, request)
			return err == nil || !strings.Contains(err.Error(), "goes on in the background")
		})
		return err
	}
	atOnce := func(do func(name string) error) {
		t.Helper()
		var all sync.WaitGroup
		for i := range manyVolumes {
			all.Go(func() { assert.NoError(t, do(fmt.Sprintf("v%d", i))) })
		}
		all.Wait()
	}
	atOnce(func(name string) error {
		_, err := p.ask("VolumeDriver.Create", withOptions(name))
		if err != nil {
			return err
		}
		if err = again("VolumeDriver.Mount", withID(name, "one")); err == nil {
			_, err = os.ReadFile(filepath.Join(w.dir, "v", name, "GREETING"))
		}
		return err
	})
	require.Less(t, len(w.Requests()), 2*manyVolumes)
	atOnce(func(name string) error {
		err := again("VolumeDriver.Unmount", withID(name, "one"))
		if err == nil {
			_, err = p.ask("VolumeDriver.Remove", named(name))
		}
		return err
	})
	left, err := os.ReadDir(filepath.Join(w.dir, "v"))
	require.NoError(t, err)
	require.Empty(t, left)
}
