package generation

import (
	"sync"
	"time"
)

// Inherited are the generations of an earlier process, until the folders that they belong to
// are looked up: by the numbers that the kernel knows folders by. The zero value is that
// there was no such process. It is safe for concurrent use.
type Inherited[K comparable] struct {
	mu      sync.Mutex // guards what follows
	records map[K]Record
	since   time.Time // when this process began to know them; zero: there was none before
}

// Set has these in the place of all that there were.
func (i *Inherited[K]) Set(records map[K]Record) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.records, i.since = records, time.Now()
}

// Take returns that of a folder, which is responsible for it from now on.
func (i *Inherited[K]) Take(folder K) (r Record, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r, ok = i.records[folder]
	delete(i.records, folder)
	return r, ok
}

// Each calls do for those that nobody has taken. It must not call anything of i.
func (i *Inherited[K]) Each(do func(folder K, r Record)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for folder, r := range i.records {
		do(folder, r)
	}
}

// Lost reports whether a name may be that of a generation which only the earlier process had:
// who looks for it shall look again where ..data leads, and not take it for absent. After a
// minute ([Keeps]) nobody does.
func (i *Inherited[K]) Lost(name string) bool {
	_, ok := MadeAt(name)
	i.mu.Lock()
	defer i.mu.Unlock()
	return ok && !i.since.IsZero() && time.Since(i.since) < Keeps
}
