package fs

import (
	"sync"
	"time"

	"infisicalfs/secret"
)

// news is a queue for each directory, with a worker that lives as long as there
// is work. One that waits for a change which is under way in its directory holds
// up no other.
type news struct {
	mu      sync.Mutex // guards what follows
	waiting map[secret.Dir][]outdated
	idle    chan struct{} // closed when the last worker ends; nil without one
}

func (q *news) add(out outdated, do func(outdated)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle == nil {
		q.idle = make(chan struct{})
		q.waiting = make(map[secret.Dir][]outdated)
	}
	list, working := q.waiting[out.dir]
	q.waiting[out.dir] = append(list, out)
	if !working {
		go func() {
			for out, ok := q.take(out.dir); ok; out, ok = q.take(out.dir) {
				do(out)
			}
		}()
	}
}

// take returns what is next for dir. Without any it ends the worker.
func (q *news) take(dir secret.Dir) (outdated, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.waiting[dir]
	if len(list) > 0 {
		q.waiting[dir] = list[1:]
		return list[0], true
	}
	delete(q.waiting, dir)
	if len(q.waiting) == 0 {
		close(q.idle)
		q.idle = nil
	}
	return outdated{}, false
}

// wait waits until everything was told, for as long as limit says.
func (q *news) wait(limit time.Duration) {
	q.mu.Lock()
	idle := q.idle
	q.mu.Unlock()
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
