package emitthread

import (
	"log/slog"
	"sync"

	"infisicalfs/internal/blocking"
)

// thread is an operating system thread with a descriptor table of its own. A thread
// that waits for an answer of a mount cannot be killed before the connection ends, and
// that ends when nobody has the descriptor of /dev/fuse any more: sharing it, a killed
// process would wait for itself for ever.
//
// One job is done at a time, for whatever mount. A job waits for answers of its mount
// that wait for nobody, so the others do not wait long.
type thread struct{ jobs chan job }

// job is something to do on the thread.
type job struct {
	do   func()
	done chan struct{}
}

// run calls do on the thread and returns when do has.
func (t *thread) run(do func()) {
	j := job{do, make(chan struct{})}
	t.jobs <- j
	<-j.done
}

// work is the thread.
func (t *thread) work(log *slog.Logger) {
	if err := blocking.OwnDescriptors(); err != nil {
		log.Debug("the thread that tells watchers shares the descriptors of the process", "error", err)
	}
	for j := range t.jobs {
		j.do()
		close(j.done)
	}
}

// users are the emitters of a process, which have one thread as long as there are any.
type users struct {
	mu     sync.Mutex // guards all below
	thread *thread
	count  int
}

var shared users

// take returns the thread, and begins it for the first user.
func (u *users) take(log *slog.Logger) *thread {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count++; u.count == 1 {
		t := &thread{make(chan job)}
		u.thread = t
		go blocking.OnThread(func() { t.work(log) })
	}
	return u.thread
}

// give has the thread end with its last user, who gives it no jobs any more.
func (u *users) give(t *thread) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count--; u.count == 0 {
		close(t.jobs)
	}
}
