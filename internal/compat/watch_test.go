package compat

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	kfile "github.com/knadh/koanf/providers/file"
	"github.com/spf13/viper"
	"github.com/stretchr/testify/require"
)

// polling makes a mount notice changes within a second or so.
var polling = []string{"--watch-interval=1s", "--ttl=1s"}

// ready makes sure that the mount has looked at what is watched.
func (w *world) ready(name, value string) {
	w.t.Helper()
	w.set(name, value)
	require.Eventually(w.t, func() bool {
		text, err := os.ReadFile(w.path(name))
		return err == nil && string(text) == value
	}, noticeLimit, 10*time.Millisecond)
}

func TestInotifywait(t *testing.T) {
	needs(t, "inotifywait")
	w := newWorld(t, polling...)
	w.ready("KEY", "one")
	files := start(t, "", "inotifywait", "-m", "-e", "close_write", "--format", "file %e", w.path("KEY"))
	files.says("Watches established")
	names := start(t, "", "inotifywait", "-m", "-e", "modify,create,delete", "--format", "%e %f", w.dir)
	names.says("Watches established")
	w.set("KEY", "two")
	files.says("file CLOSE_WRITE")
	names.says("MODIFY KEY")
	w.set("ANOTHER", "new")
	names.says("CREATE ANOTHER")
}

// A watcher makes no traffic, so the mount has to find out that it is there.
func TestAWatcherIsNotForgotten(t *testing.T) {
	needs(t, "inotifywait")
	w := newWorld(t, append(polling, "--watch-for=2s", "--max-stale=2s")...)
	w.ready("payments/KEY", "one")
	watcher := start(t, "", "inotifywait", "-m", "-e", "modify", "--format", "%e %f", w.path("payments"))
	watcher.says("Watches established")
	time.Sleep(8 * time.Second) // nobody looks at anything for several times as long as it is watched
	w.set("payments/KEY", "two")
	watcher.says("MODIFY KEY")
}

func TestViper(t *testing.T) {
	w := newWorld(t, polling...)
	w.ready("config.yaml", "color: red")
	v := viper.New()
	v.SetConfigFile(w.path("config.yaml"))
	require.NoError(t, v.ReadInConfig())
	require.Equal(t, "red", v.GetString("color"))
	colors := make(chan string, 100)
	v.OnConfigChange(func(fsnotify.Event) { colors <- v.GetString("color") })
	v.WatchConfig()
	for _, color := range []string{"green", "deep blue"} {
		w.set("config.yaml", "color: "+color)
		require.Eventually(t, func() bool {
			select {
			case got := <-colors:
				return got == color
			default:
				return false
			}
		}, noticeLimit, time.Millisecond, color)
	}
}

func TestKoanf(t *testing.T) {
	w := newWorld(t, polling...)
	w.ready("config.yaml", "color: red")
	f := kfile.Provider(w.path("config.yaml"))
	texts := make(chan string, 100)
	require.NoError(t, f.Watch(func(_ any, err error) {
		text, _ := f.ReadBytes()
		texts <- fmt.Sprint(string(text), err)
	}))
	defer f.Unwatch()
	w.set("config.yaml", "color: green")
	require.Eventually(t, func() bool {
		select {
		case got := <-texts:
			return got == "color: green<nil>"
		default:
			return false
		}
	}, noticeLimit, time.Millisecond)
}

func TestChokidar(t *testing.T) {
	modules := nodeModules(t)
	w := newWorld(t, polling...)
	w.ready("KEY", "one")
	script := filepath.Join(t.TempDir(), "watch.mjs")
	require.NoError(t, os.WriteFile(script, []byte(fmt.Sprintf(`
import chokidar from %q;
import { readFileSync } from "node:fs";
chokidar.watch(process.argv[2])
  .on("ready", () => console.log("ready"))
  .on("all", (event, path) => console.log(event, path, event === "unlink" ? "" : event.endsWith("Dir") ? "" : readFileSync(path, "utf8")));
`, filepath.Join(modules, "chokidar", "index.js"))), 0o600))
	watcher := start(t, "", "node", script, w.dir)
	watcher.says("ready")
	w.set("KEY", "two")
	watcher.says("change " + w.path("KEY") + " two")
	w.set("NEW", "new")
	watcher.says("add " + w.path("NEW") + " new")
}

func TestEntr(t *testing.T) {
	needs(t, "entr")
	w := newWorld(t, polling...)
	w.ready("KEY", "one\n")
	watcher := start(t, w.path("KEY")+"\n", "entr", "-n", "cat", w.path("KEY"))
	watcher.says("one")
	w.set("KEY", "two\n")
	watcher.says("two")
}

// nginx does not watch. Those who want it to have a script do it.
func TestNginxWithAWatcher(t *testing.T) {
	needs(t, "nginx", "inotifywait", "sh")
	w := newWorld(t, append(polling, "--allow-other", "--mode=0444", "--dir-mode=0555", "--read-only")...)
	w.ready("BODY", "return 200 one;")
	n := startNginx(t, "server { listen ADDRESS; location / { include BODY; } }", "BODY", w.path("BODY"))
	script := start(t, "", "sh", "-c", `inotifywait -m -e close_write "$1" | while read -r event; do nginx -p "$2" -c "$3" -s reload; done`,
		"sh", w.path("BODY"), n.dir, n.conf)
	script.says("Watches established")
	answer := func() string {
		response, err := http.Get("http://" + n.address)
		if err != nil {
			return ""
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return string(text)
	}
	require.Eventually(t, func() bool { return answer() == "one" }, noticeLimit, 10*time.Millisecond)
	w.set("BODY", "return 200 two;")
	require.Eventually(t, func() bool { return answer() == "two" }, noticeLimit, 10*time.Millisecond)
}
