package compat

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	kfile "github.com/knadh/koanf/providers/file"
	"github.com/rjeczalik/notify"
	"github.com/spf13/viper"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// command starts a program with the paths after its arguments. It is ready when it says so; one
// that never does, for which ready is empty, is ready when the kernel watches for it what it is to watch.
func command(ready string, args ...string) func(*started) func() {
	return func(s *started) func() { return s.run(ready, "", append(args[:len(args):len(args)], s.paths...)...) }
}

// byEntr starts one for each file, because it names only the first that is different.
func byEntr(s *started) (ready func()) {
	var all []func()
	for _, path := range s.paths {
		one := *s
		one.paths = []string{path}
		all = append(all, one.run("", path+"\n", "entr", "-n", "-p", "echo", "/_"))
	}
	return func() {
		for _, ready := range all {
			ready()
		}
	}
}

// byFswatch leaves the events out that are made by reading: who reads at each event would never come to an end.
func byFswatch(s *started) (ready func()) {
	args := []string{"fswatch", "-m", "inotify_monitor", "-l", "0.1"}
	for _, event := range []string{"Updated", "Created", "Removed", "Renamed", "AttributeModified", "MovedFrom", "MovedTo"} {
		args = append(args, "--event", event)
	}
	return command("", args...)(s)
}

func byReflex(s *started) (ready func()) {
	return s.run("", "", "sh", "-c", `cd "$1" && exec reflex --all --decoration=none -r . -- echo {}`, "sh", s.at.dir)
}

func byNodemon(s *started) (ready func()) {
	args := []string{"node", filepath.Join(nodeModules(s.T), "nodemon/bin/nodemon.js"), "--verbose", "--no-colours", "--no-stdin", "--ext", "*", "--exec", "true"}
	for _, path := range s.paths {
		args = append(args, "--watch", path)
	}
	return s.run(" file", "", args...) // "watching 4 files"
}

// run starts a program whose lines are what it says. The function that it returns waits until it watches.
func (s *started) run(ready, stdin string, args ...string) func() {
	s.Helper()
	program := start(s.T, stdin, args[0], args[1:]...)
	return func() {
		if ready != "" {
			program.says(ready)
		} else {
			s.watched(program.pid, true)
		}
		go func() {
			for line := range program.lines {
				s.says(line)
			}
		}()
	}
}

// watched waits until the processes of a group watch with inotify what is to be watched: the paths, or, if that
// is as good, the directories that they are in.
func (s *started) watched(group int, orAbove bool) {
	s.Helper()
	for _, path := range s.paths {
		require.Eventually(s.T, func() bool {
			inodes := watchedInodes(group)
			var st syscall.Stat_t
			candidates := []string{path}
			if orAbove {
				candidates = append(candidates, filepath.Dir(path))
			}
			for _, path := range candidates {
				if syscall.Stat(path, &st) == nil && slices.Contains(inodes, st.Ino) {
					return true
				}
			}
			return false
		}, noticeLimit, 50*time.Millisecond, "%s does not watch %s", s.name, path)
	}
}

var inotifyWatch = regexp.MustCompile(`(?m)^inotify wd:\S+ ino:(\S+) `)

// watchedInodes returns the inodes that the processes of a group watch with inotify.
func watchedInodes(group int) (inodes []uint64) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, _ := os.ReadFile(stat)
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 3 || fields[2] != strconv.Itoa(group) {
			continue
		}
		infos, _ := filepath.Glob(filepath.Dir(stat) + "/fdinfo/*")
		for _, info := range infos {
			text, _ := os.ReadFile(info)
			for _, found := range inotifyWatch.FindAllStringSubmatch(string(text), -1) {
				inode, _ := strconv.ParseUint(found[1], 16, 64)
				inodes = append(inodes, inode)
			}
		}
	}
	return inodes
}

func byFsnotify(s *started) (ready func()) {
	w, err := fsnotify.NewWatcher()
	require.NoError(s.T, err)
	s.Cleanup(func() { w.Close() })
	for _, path := range s.paths {
		require.NoError(s.T, w.Add(path))
	}
	go func() {
		for e := range w.Events {
			s.says(e.Name)
		}
	}()
	return func() {}
}

func byNotify(s *started) (ready func()) {
	events := make(chan notify.EventInfo, 1000)
	s.Cleanup(func() { notify.Stop(events); close(events) })
	for _, path := range s.paths {
		require.NoError(s.T, notify.Watch(path, events, notify.All))
	}
	go func() {
		for e := range events {
			s.says(e.Path())
		}
	}()
	return func() {}
}

func byViper(s *started) (ready func()) {
	for _, path := range s.paths {
		v := viper.New()
		v.SetConfigFile(path)
		v.SetConfigType("yaml")
		if filepath.Base(path) == ".env" {
			v.SetConfigType("env")
		}
		require.NoError(s.T, v.ReadInConfig())
		v.OnConfigChange(func(fsnotify.Event) { s.says(path) })
		v.WatchConfig()
	}
	return func() {}
}

func byKoanf(s *started) (ready func()) {
	for _, path := range s.paths {
		f := kfile.Provider(path)
		require.NoError(s.T, f.Watch(func(any, error) { s.says(path) }))
		s.Cleanup(func() { f.Unwatch() })
	}
	return func() {}
}

func byCertwatcher(s *started) (ready func()) {
	w, err := certwatcher.New(s.paths[0], s.paths[1])
	require.NoError(s.T, err)
	w.WithWatchInterval(time.Hour) // it is to be told
	w.RegisterCallback(func(tls.Certificate) { s.says("tls.crt") })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Start(ctx) }()
	s.Cleanup(func() { cancel(); require.NoError(s.T, <-ended) })
	return func() { s.watched(syscall.Getpgrp(), false) }
}

// nodeWatcher is a library of node, as testdata/watch.mjs runs it.
type nodeWatcher struct {
	Row       string   `json:"row"`
	Kind      string   `json:"kind"`
	Module    string   `json:"name"`
	Paths     []string `json:"paths"`
	Directory bool     `json:"directory"`
}

// startNode starts those that run in node, in one process.
func startNode(t *testing.T, list []*started) (allReady func()) {
	t.Helper()
	byRow := map[string]*started{}
	var rows []nodeWatcher
	for i, s := range list {
		n := *s.node
		n.Row, n.Paths = fmt.Sprint(i), s.paths
		rows, byRow[n.Row] = append(rows, n), s
	}
	text, err := json.Marshal(rows)
	require.NoError(t, err)
	program := start(t, "", "node", "testdata/watch.mjs", nodeModules(t), string(text))
	ready := make(chan struct{}, len(rows))
	go func() {
		for line := range program.lines {
			row, said, _ := strings.Cut(line, "\t")
			switch s := byRow[row]; {
			case s == nil: // a warning of node's
			case said == "ready":
				ready <- struct{}{}
			default:
				s.says(said)
			}
		}
	}()
	return func() {
		limit := time.After(noticeLimit)
		for range rows {
			select {
			case <-ready:
			case <-limit:
				t.Fatal("not all of node's watchers became ready")
			}
		}
	}
}

// npmVersion is that of a module of npm.
func npmVersion(t *testing.T, module string) string {
	text, err := os.ReadFile(filepath.Join(nodeModules(t), module, "package.json"))
	require.NoError(t, err)
	var pkg struct{ Version string }
	require.NoError(t, json.Unmarshal(text, &pkg))
	return pkg.Version
}

// goVersion is that of a module in go.mod.
func goVersion(t *testing.T, module string) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
	require.NoError(t, err)
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
}
