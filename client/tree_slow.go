package client

import (
	"maps"
	"sync"
	"time"

	"infisicalfs/secret"
)

// slowTrees remembers for five minutes where a bulk answer did not come in
// time, so that the next caller asks for single folders instead.
type slowTrees struct {
	mu    sync.Mutex // guards until
	until map[secret.Dir]time.Time
}

func (s *slowTrees) add(dir secret.Dir) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[secret.Dir]time.Time{}
	}
	now := time.Now()
	maps.DeleteFunc(s.until, func(_ secret.Dir, until time.Time) bool { return now.After(until) })
	s.until[dir] = now.Add(5 * time.Minute)
}

func (s *slowTrees) has(dir secret.Dir) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until[dir])
}
