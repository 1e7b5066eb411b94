// Package workqueue does work in the background: what has the same key (a directory)
// one after the other, in the order in which it came, and everything else side by side.
// Work that has to wait holds up no other key's.
//
//	queue := workqueue.New(func(dir secret.Dir, n notice) { ... })
//	queue.Add(dir, n)
//	queue.Wait(time.Second) // until all is done, or so long
package workqueue

import (
	"sync"
	"time"
)

// Queue has a worker for each key, which lives as long as there is work for it. It is
// safe for concurrent use.
type Queue[K comparable, T any] struct {
	do func(K, T)

	mu      sync.Mutex    // guards what follows; nothing is done under it
	waiting map[K][]T     // of each key that has a worker, without what that is at
	idle    chan struct{} // closed when the last worker ends; nil without one
}

// New returns a Queue that calls do for what is added.
func New[K comparable, T any](do func(K, T)) *Queue[K, T] {
	return &Queue[K, T]{do: do, waiting: make(map[K][]T)}
}

// Add adds work and does not wait.
func (q *Queue[K, T]) Add(key K, work T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	list, working := q.waiting[key]
	q.waiting[key] = append(list, work)
	if !working {
		go q.work(key)
	}
}

func (q *Queue[K, T]) work(key K) {
	for {
		work, ok := q.take(key)
		if !ok {
			return
		}
		q.do(key, work)
	}
}

// take returns what is next for a key. Without any it ends the worker.
func (q *Queue[K, T]) take(key K) (work T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if list := q.waiting[key]; len(list) > 0 {
		q.waiting[key] = list[1:]
		return list[0], true
	}
	delete(q.waiting, key)
	if len(q.waiting) == 0 {
		close(q.idle)
		q.idle = nil
	}
	return work, false
}

// Idle returns a channel that is closed when there is nothing left to do; nil if
// there is nothing now.
func (q *Queue[K, T]) Idle() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.idle
}

// Wait waits until there is nothing left to do, for as long as limit says.
func (q *Queue[K, T]) Wait(limit time.Duration) {
	idle := q.Idle()
	if idle == nil {
		return
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-idle:
	case <-timeout.C:
	}
}
