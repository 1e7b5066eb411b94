package openfiles

import (
	"maps"
	"slices"
	"sync"
)

// List are open files of one kind, whatever they show. The zero value is ready, and
// safe for concurrent use.
type List[F comparable] struct {
	mu    sync.Mutex // guards files
	files map[F]struct{}
}

// Add adds f.
func (l *List[F]) Add(f F) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files == nil {
		l.files = make(map[F]struct{})
	}
	l.files[f] = struct{}{}
}

// Drop takes f out, if it is there.
func (l *List[F]) Drop(f F) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.files, f)
}

// All returns the files, in no order.
func (l *List[F]) All() []F {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.files))
}
