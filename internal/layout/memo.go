package layout

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"weak"

	"infisicalfs/secret"
)

// memo knows what was made of lists of secrets, for as long as anybody has those:
// the kernel's requests ask for a folder again and again, and during an outage get
// a copy of its snapshot each time, with the same list.
type memo struct {
	mu   sync.Mutex // guards what follows
	made map[list]made
}

// list is a list of secrets that somebody has, and that nobody changes.
type list struct {
	first  weak.Pointer[secret.Secret]
	length int
}

// made is what a list became, together with others.
type made struct {
	others  []list
	secrets []secret.Secret
}

// of returns what the secrets of these snapshots became together, or what they
// now do. Two callers at a time may both do it.
func (m *memo) of(snaps []*secret.Folder, do func() []secret.Secret) []secret.Secret {
	var lists []list
	var first *secret.Secret // of the first list
	for _, snap := range snaps {
		if n := len(snap.Secrets); n > 0 {
			lists = append(lists, list{weak.Make(&snap.Secrets[0]), n})
			first = cmp.Or(first, &snap.Secrets[0])
		}
	}
	if first == nil {
		return do()
	}
	key, others := lists[0], lists[1:]
	m.mu.Lock()
	known, ok := m.made[key]
	m.mu.Unlock()
	if ok && slices.Equal(known.others, others) {
		return known.secrets
	}
	secrets := do()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made == nil {
		m.made = make(map[list]made)
	}
	if _, ok := m.made[key]; !ok {
		runtime.AddCleanup(first, m.drop, key)
	}
	m.made[key] = made{others, secrets}
	return secrets
}

func (m *memo) drop(key list) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.made, key)
}

// forget drops everything.
func (m *memo) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.made)
}

// warned knows which warnings were logged already.
type warned struct {
	mu    sync.Mutex // guards texts
	texts map[string]bool
}

// maxWarned bounds what is remembered; past it warnings are logged again.
const maxWarned = 1000

// first reports whether text has not been logged yet, and takes it as logged.
func (w *warned) first(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.texts[text] {
		return false
	}
	if w.texts == nil || len(w.texts) >= maxWarned {
		w.texts = make(map[string]bool)
	}
	w.texts[text] = true
	return true
}
