package compat

import (
	"regexp"
	"strings"
	"testing"
)

// watcher is one way to hear of changes: a program or a library, told to watch files or a directory.
type watcher struct {
	name      string // what the page calls it, with its version unless that is Debian's
	directory bool   // it watches that, and not files
	files     []string
	elsewhere bool // scripts/compat --all has what it needs, and tries it
	// start starts it, and returns what waits until it watches.
	start func(s *started) (ready func())
	node  *nodeWatcher // who runs in node, with others
}

// started is a watcher at a place.
type started struct {
	*watcher
	*testing.T
	at    *place
	paths []string
	says  func(line string) // is called with what it says of a change: a line that names a file
}

// singles are the files that who watches files is told to watch, if nothing else.
var singles = []string{"KEY", "IMPORTED", "GONE", ".env", ".secrets.json"}

func (w *watcher) watches() []string {
	switch {
	case w.directory:
		return []string{""}
	case w.files != nil:
		return w.files
	}
	return singles
}

// tried reports whether it is tried now.
func (w *watcher) tried() bool { return !w.elsewhere || elsewhereToo }

// what the page calls what it watches.
func (w *watcher) what() string {
	switch {
	case w.directory:
		return "directory"
	case w.files != nil:
		return strings.Join(w.files, ", ")
	}
	return "files"
}

// watchers are all of them.
func watchers(t *testing.T) []*watcher {
	fsnotify, notify := "fsnotify "+goVersion(t, "github.com/fsnotify/fsnotify"), "rjeczalik/notify "+goVersion(t, "github.com/rjeczalik/notify")
	nodemon := "nodemon " + npmVersion(t, "nodemon")
	list := []*watcher{
		{name: "inotifywait (Debian's)", start: command("Watches established", "inotifywait", "-m", "-e", changes)},
		{name: "inotifywait (Debian's)", directory: true, start: command("Watches established", "inotifywait", "-m", "-e", changes)},
		{name: "entr (Debian's)", start: byEntr},
		{name: "gio monitor (Debian's)", start: command("", "gio", "monitor", "-f")},
		{name: "gio monitor (Debian's)", directory: true, start: command("", "gio", "monitor", "-d")},
		{name: "fswatch (Debian's)", start: byFswatch},
		{name: "fswatch (Debian's)", directory: true, start: byFswatch},
		{name: "reflex (Debian's)", directory: true, start: byReflex},
		{name: "watchdog (Debian's)", start: command("ready", "/usr/bin/python3", "testdata/watch.py")},
		{name: "watchdog (Debian's)", directory: true, start: command("ready", "/usr/bin/python3", "testdata/watch.py")},
		{name: fsnotify, start: byFsnotify},
		{name: fsnotify, directory: true, start: byFsnotify},
		{name: notify, start: byNotify},
		{name: notify, directory: true, start: byNotify},
		{name: "viper's WatchConfig " + goVersion(t, "github.com/spf13/viper"), start: byViper},
		{name: "koanf's file.Watch " + goVersion(t, "github.com/knadh/koanf/providers/file"), start: byKoanf},
		{name: "controller-runtime's certwatcher " + goVersion(t, "sigs.k8s.io/controller-runtime"), files: []string{"tls.crt", "tls.key"}, start: byCertwatcher},
		{name: nodemon, start: byNodemon},
		{name: nodemon, directory: true, start: byNodemon},
		{name: "Java's WatchService (17)", directory: true, elsewhere: true, start: command("ready", "java", "testdata/Watch.java")},
	}
	for _, n := range []nodeWatcher{
		{Kind: "chokidar", Module: "chokidar"}, {Kind: "chokidar", Module: "chokidar", Directory: true},
		{Kind: "chokidar", Module: "chokidar-6"}, {Kind: "chokidar", Module: "chokidar-6", Directory: true},
		{Kind: "fs.watch"}, {Kind: "fs.watch", Directory: true},
		{Kind: "watchpack", Module: "watchpack"}, {Kind: "watchpack", Module: "watchpack", Directory: true},
		{Kind: "@parcel/watcher", Module: "@parcel/watcher", Directory: true},
		{Kind: "sane", Module: "sane", Directory: true},
	} {
		name := "node's fs.watch"
		if n.Module != "" {
			name = n.Kind + " " + npmVersion(t, n.Module)
		}
		list = append(list, &watcher{name: name, directory: n.Directory, node: &n})
	}
	return list
}

// changes are the events of inotify that are not made by reading.
const changes = "modify,attrib,close_write,create,delete,delete_self,move,move_self"

var named = regexp.MustCompile(`(?:^|[/\s'"])(KEY|IMPORTED|GONE|NEW|\.env|\.secrets\.json|tls\.crt|tls\.key)(?:$|[\s'":,(])`)

// mentions returns the files that a line names.
func mentions(line string) (names []string) {
	for _, found := range named.FindAllStringSubmatch(line, -1) {
		names = append(names, found[1])
	}
	return names
}
