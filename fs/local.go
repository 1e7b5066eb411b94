package fs

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"infisicalfs/secret"
)

// local is what folders have here and the server has not: scratch files, names
// that are covered for a moment, texts that are not sent yet. It is kept by
// folder and not by node, because the kernel forgets nodes.
type local struct {
	mu      sync.Mutex // guards what follows and all in it; nothing is called under it
	folders map[secret.Dir]*localFolder
	scratch int // files that have a name

	made  atomic.Uint64 // scratch files ever
	bytes atomic.Int64  // in scratch files, with or without a name
}

type localFolder struct {
	scratch   map[string]*scratchFile          // by file name
	whiteouts map[string]*whiteout             // by the secret's name
	writers   map[string]map[*writeHandle]bool // open for writing, by the secret's name
	unlinked  map[string]time.Time             // when secrets were, by name
}

// in returns the folder's part. [local.mu] is held.
func (l *local) in(dir secret.Dir) *localFolder {
	if l.folders == nil {
		l.folders = make(map[secret.Dir]*localFolder)
	}
	if l.folders[dir] == nil {
		l.folders[dir] = &localFolder{
			scratch:   make(map[string]*scratchFile),
			whiteouts: make(map[string]*whiteout),
			writers:   make(map[string]map[*writeHandle]bool),
			unlinked:  make(map[string]time.Time),
		}
	}
	return l.folders[dir]
}

// look calls do with the folder's part, if it has one, locked.
func (l *local) look(dir secret.Dir, do func(*localFolder)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.folders[dir]; f != nil {
		do(f)
	}
}

// addWriter says that h is open for that secret.
func (l *local) addWriter(h *writeHandle, dir secret.Dir, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.in(dir)
	if f.writers[name] == nil {
		f.writers[name] = make(map[*writeHandle]bool)
	}
	f.writers[name][h] = true
}

// dropWriter is the opposite, wherever renames have taken it.
func (l *local) dropWriter(h *writeHandle) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.folders {
		for name, writers := range f.writers {
			delete(writers, h)
			if len(writers) == 0 {
				delete(f.writers, name)
			}
		}
	}
}

// writers returns who is open for that secret.
func (l *local) writers(dir secret.Dir, name string) (list []*writeHandle) {
	l.look(dir, func(f *localFolder) {
		for h := range f.writers[name] {
			list = append(list, h)
		}
	})
	return list
}

func (l *local) beingWritten(dir secret.Dir, name string) (yes bool) {
	l.look(dir, func(f *localFolder) { yes = len(f.writers[name]) > 0 })
	return yes
}

// beingCreated reports whether somebody has created the secret and not sent it
// yet. It exists for those who name it, with nothing in it.
func (l *local) beingCreated(dir secret.Dir, name string) bool {
	for _, h := range l.writers(dir, name) {
		if h.creating() {
			return true
		}
	}
	return false
}

// replace says that the secret from is called name in dir from now on: whoever
// writes to it goes along, and whoever wrote to the one it replaces has a file
// without a name.
func (l *local) replace(fromDir secret.Dir, from string, dir secret.Dir, name string) {
	l.discard(dir, name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.folders[fromDir]; old != nil && len(old.writers[from]) > 0 {
		l.in(dir).writers[name] = old.writers[from]
		delete(old.writers, from)
	}
}

// discard takes the name from whoever is open for it: what they write goes
// nowhere, as with any file that is removed. It reports whether one of them was
// to create the secret.
func (l *local) discard(dir secret.Dir, name string) (created bool) {
	for _, h := range l.writers(dir, name) {
		created = h.creating() || created
		h.end(errNoName)
	}
	l.look(dir, func(f *localFolder) { delete(f.writers, name) })
	return created
}

// unlinkedFor is how long a name is remembered that was unlinked here: whoever
// creates it again means the secret.
const unlinkedFor = time.Minute

func (l *local) unlink(dir secret.Dir, name string) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.in(dir)
	for old, at := range f.unlinked {
		if now.Sub(at) >= unlinkedFor {
			delete(f.unlinked, old)
		}
	}
	f.unlinked[name] = now
}

func (l *local) wasUnlinked(dir secret.Dir, name string) (yes bool) {
	l.look(dir, func(f *localFolder) {
		at, ok := f.unlinked[name]
		yes = ok && time.Since(at) < unlinkedFor
	})
	return yes
}

// moveFolder takes everything in and below a renamed folder along.
func (l *local) moveFolder(from, to secret.Dir) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for dir, f := range l.folders {
		if from.Contains(dir) {
			delete(l.folders, dir)
			dir.Path = to.Path + strings.TrimPrefix(dir.Path, from.Path)
			l.folders[dir] = f
		}
	}
}

// busy reports whether something in dir is being created.
func (l *local) busy(dir secret.Dir) (yes bool) {
	var names []string
	l.look(dir, func(f *localFolder) {
		for name := range f.writers {
			names = append(names, name)
		}
	})
	for _, name := range names {
		yes = yes || l.beingCreated(dir, name)
	}
	return yes
}

// dropLocal forgets what is only here of dir and, with all below it.
func (f *FS) dropLocal(dir secret.Dir) {
	f.dropLocalIf(func(d secret.Dir) bool { return dir.Contains(d) })
}

// dropLocalIf ends scratch files and whiteouts of the directories that gone
// says.
func (f *FS) dropLocalIf(gone func(secret.Dir) bool) {
	type named struct {
		dir  secret.Dir
		name string
	}
	var files []named
	var covered []*whiteout
	f.local.mu.Lock()
	for dir, folder := range f.local.folders {
		if !gone(dir) {
			continue
		}
		for name := range folder.scratch {
			files = append(files, named{dir, name})
		}
		for _, w := range folder.whiteouts {
			covered = append(covered, w)
		}
	}
	f.local.mu.Unlock()
	for _, file := range files {
		f.unlinkScratch(file.dir, file.name)
	}
	for _, w := range covered {
		f.lift(w)
	}
}
