package layout

import (
	"runtime"
	"slices"
	"sync"
	"weak"

	"infisicalfs/secret"
)

// memo knows what was made of a snapshot, for as long as anybody has that: the
// kernel's requests ask for a folder again and again.
type memo struct {
	mu   sync.Mutex // guards what follows
	made map[weak.Pointer[secret.Folder]]made
}

// made is what a snapshot became, together with others.
type made struct {
	others []weak.Pointer[secret.Folder]
	folder *secret.Folder
}

// of returns what from became together with others, or what now does. Two
// callers at a time may both do it.
func (m *memo) of(from *secret.Folder, others []*secret.Folder, do func() *secret.Folder) *secret.Folder {
	key := weak.Make(from)
	with := make([]weak.Pointer[secret.Folder], len(others))
	for i, other := range others {
		with[i] = weak.Make(other)
	}
	m.mu.Lock()
	known, ok := m.made[key]
	m.mu.Unlock()
	if ok && slices.Equal(known.others, with) {
		return known.folder
	}
	folder := do()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made == nil {
		m.made = make(map[weak.Pointer[secret.Folder]]made)
	}
	if _, ok := m.made[key]; !ok {
		runtime.AddCleanup(from, m.drop, key)
	}
	m.made[key] = made{with, folder}
	return folder
}

func (m *memo) drop(key weak.Pointer[secret.Folder]) {
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

// told knows what was said already.
type told struct {
	mu    sync.Mutex // guards texts
	texts map[string]bool
}

// maxTold bounds what is remembered; past it things are said again.
const maxTold = 1000

// first reports whether text has not been said yet, and takes it as said.
func (t *told) first(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.texts[text] {
		return false
	}
	if t.texts == nil || len(t.texts) >= maxTold {
		t.texts = make(map[string]bool)
	}
	t.texts[text] = true
	return true
}
