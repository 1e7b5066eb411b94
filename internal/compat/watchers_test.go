package compat

import (
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// step is one change of a place, and what is to be heard of it.
type step struct {
	do func(files map[string]string)
	// right reports for each file that differs whether what is read now is what it was changed to.
	right map[string]func(text string, err error) bool
}

func has(value string) func(string, error) bool {
	return func(text string, err error) bool { return err == nil && strings.Contains(text, value) }
}

// steps are the changes in their order.
func steps(t *testing.T) []step {
	value := func(name, value string) func(map[string]string) {
		return func(files map[string]string) { files[name] = value }
	}
	both := func(n int64) step {
		p, v := newPair(t, n), "v: "+string('0'+rune(n))
		return step{
			func(files map[string]string) {
				files["KEY"], files["tls.crt"], files["tls.key"] = v, p.certificate, p.key
			},
			map[string]func(string, error) bool{"KEY": has(v), ".env": has("KEY='" + v), ".secrets.json": has(`"KEY": "` + v), "tls.crt": has(p.certificate)},
		}
	}
	return []step{
		both(2),
		both(3),
		{value("IMPORTED", "v: 4"), map[string]func(string, error) bool{"IMPORTED": has("v: 4"), ".env": has("IMPORTED='v: 4"), ".secrets.json": has(`"IMPORTED": "v: 4`)}},
		{value("NEW", "v: 5"), map[string]func(string, error) bool{"NEW": has("v: 5")}},
		{func(files map[string]string) { delete(files, "GONE") }, map[string]func(string, error) bool{
			"GONE": func(_ string, err error) bool { return os.IsNotExist(err) },
		}},
	}
}

// kindOfChange is one kind of change: the steps that have to be heard, by the name of a file.
type kindOfChange struct {
	title string
	of    func(w *watcher) string // whose file it is to hear, empty if it does not watch for such a thing
	steps []int
}

func ofKey(w *watcher) string {
	if w.files != nil {
		return w.files[0]
	}
	return "KEY"
}

// watches returns a file for who watches directories or files, and none for who watches files of its own.
func watches(name string, files, directories bool) func(*watcher) string {
	return func(w *watcher) string {
		if w.files == nil && (w.directory && directories || !w.directory && files) {
			return name
		}
		return ""
	}
}

// unlisted is the kind of change of which those who watch the directory of a view for the view's
// name do not hear on a mount, unless the view is listed: who mirrors a directory would copy it.
const unlisted = "view"

var kindsOfChange = []kindOfChange{
	{"value", ofKey, []int{0}},
	{"again", ofKey, []int{0, 1}},
	{"import", watches("IMPORTED", true, true), []int{2}},
	{unlisted, watches(".env", true, false), []int{0, 1, 2}},
	{"listed view", watches(".secrets.json", true, false), []int{0, 1, 2}},
	{"new", watches("NEW", false, true), []int{3}},
	{"gone", watches("GONE", true, true), []int{4}},
}

// hearing is what the watchers of one place have heard.
type hearing struct {
	at   *place
	mu   sync.Mutex
	last time.Time // that something was said
	now  int       // the step
	step step
	did  map[*watcher]map[int]map[string]bool // by step and file: it was heard, and what was read then was right
}

// hear is called with what a watcher says.
func (tr *hearing) hear(w *watcher, line string) {
	tr.mu.Lock()
	tr.last = time.Now()
	n, right := tr.now, tr.step.right
	tr.mu.Unlock()
	names := mentions(line)
	if w.directory && tr.at.layout == "k8s" {
		names = nil // whichever name it has: of links it is another one
		for name := range right {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if right[name] == nil {
			continue
		}
		text, err := os.ReadFile(tr.at.path(name))
		if !right[name](string(text), err) {
			continue
		}
		tr.mu.Lock()
		if tr.did[w][n] == nil {
			tr.did[w][n] = map[string]bool{}
		}
		tr.did[w][n][name] = true
		tr.mu.Unlock()
	}
}

// heard reports whether the watcher has heard of a kind of change, each time.
func (tr *hearing) heard(w *watcher, c kindOfChange) bool {
	tr.mu.Lock() // viper goes on when its place is gone
	defer tr.mu.Unlock()
	return !slices.ContainsFunc(c.steps, func(n int) bool { return !tr.did[w][n][c.of(w)] })
}

// run makes the changes. After each it waits until what is expected has been heard, and then until nothing is
// said for a while.
func (tr *hearing) run(t *testing.T, list []*watcher, files map[string]string, all []step, expected func(*watcher, kindOfChange) bool) {
	for n, step := range all {
		tr.mu.Lock()
		tr.now, tr.step, tr.last = n, step, time.Now()
		tr.mu.Unlock()
		files = maps.Clone(files)
		step.do(files)
		tr.at.set(files)
		limit := time.Now().Add(noticeLimit)
		for !tr.calm(list, n, expected) && time.Now().Before(limit) {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// calm reports whether there is nothing more to wait for at a step.
func (tr *hearing) calm(list []*watcher, n int, expected func(*watcher, kindOfChange) bool) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, w := range list {
		for _, c := range kindsOfChange {
			if w.tried() && slices.Contains(c.steps, n) && expected(w, c) && !tr.did[w][n][c.of(w)] {
				return false
			}
		}
	}
	return time.Since(tr.last) > quiet()
}

// quiet is how long nothing is said before the next change is made: longer than what is debounced waits, and where
// it is not known what is to be heard, longer than a mount takes to notice.
func quiet() time.Duration {
	if writePage {
		return 6 * time.Second
	}
	return 2 * time.Second
}

var layouts = []string{"tree", "k8s"}

// Each watcher hears of each kind of change that it hears of on tmpfs, and what is read then is what was changed.
func TestWatchers(t *testing.T) {
	needs(t, "/dev/fuse", "inotifywait", "entr", "gio", "fswatch", "reflex", "node", "/usr/bin/python3")
	log.SetLogger(logr.Discard()) // certwatcher's
	list, page, all := watchers(t), readWatchersPage(t), steps(t)
	files := map[string]string{"KEY": "v: 1", "IMPORTED": "v: 1", "GONE": "v: 1", "BESIDE": "v: 1"}
	first := newPair(t, 1)
	files["tls.crt"], files["tls.key"] = first.certificate, first.key
	results := map[string]*hearing{}
	for _, layout := range layouts {
		results["tmpfs "+layout], results["mount "+layout] = &hearing{}, &hearing{}
	}
	t.Run("places", func(t *testing.T) {
		for name, tr := range results {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, layout, _ := strings.Cut(name, " ")
				elsewhere := ifGiven // what is heard on tmpfs only
				switch name {
				case "tmpfs tree":
					tr.at, elsewhere = writtenPlace(t, files), here
				case "tmpfs k8s":
					tr.at, elsewhere = kubeletPlace(t, files), here
				default:
					tr.at = mountedPlace(t, layout, files)
				}
				tr.start(t, list)
				tr.run(t, list, files, all, func(w *watcher, c kindOfChange) bool {
					says := page.cell(layout, w, c)
					return says != "" && says != deaf && says != elsewhere
				})
			})
		}
	})
	if !t.Failed() {
		page.compare(t, list, results)
	}
}

// start has all watch.
func (tr *hearing) start(t *testing.T, list []*watcher) {
	t.Helper()
	var node []*started
	var ready []func()
	tr.did = map[*watcher]map[int]map[string]bool{}
	for _, w := range list {
		if !w.tried() {
			continue
		}
		tr.did[w] = map[int]map[string]bool{}
		s := &started{watcher: w, T: t, at: tr.at, says: func(line string) { tr.hear(w, line) }}
		for _, name := range w.watches() {
			s.paths = append(s.paths, tr.at.path(name))
		}
		for _, path := range s.paths {
			_, err := os.ReadFile(path) // so that the mount has looked at it
			require.True(t, err == nil || w.directory, "%v", err)
		}
		if w.node == nil {
			ready = append(ready, w.start(s))
		} else {
			node = append(node, s)
		}
	}
	for _, ready := range append(ready, startNode(t, node)) {
		ready()
	}
}
