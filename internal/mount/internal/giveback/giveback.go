// Package giveback gives memory back to the system when the process has become quiet. After a
// burst of work, such as a large folder that was read file by file, up to half of Go's heap is
// garbage, and the runtime keeps both that and the room for more: it collects again when the heap
// has doubled, or after minutes. In a process that serves a mount and then waits for the next
// reader this is most of what it has.
//
//	giveback.Start() // once is enough, for the process; it never ends
//
// What happens is told by the collections that happen anyway, so a process in which nothing
// happens is not woken.
package giveback

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// quiet is how long no collection may have happened until memory goes back.
	quiet = 2 * time.Second
	// worth is how much there has to be to give back, in bytes.
	worth = 4 << 20
	// longest is how often memory goes back at most where something goes on happening.
	longest = time.Minute
)

// Start begins to watch, unless that was done.
func Start() { once.Do(func() { (&watcher{free: debug.FreeOSMemory, measure: measure}).watch() }) }

var once sync.Once

// watcher hears of collections and waits for them to cease.
type watcher struct {
	free    func()
	measure func() state

	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	pause  time.Duration // until the timer's next look
	last   state         // at the last collection or look
	cycles uint64        // collections that nobody has asked for
}

// state is what the runtime says of the heap.
type state struct {
	allocated uint64 // bytes since the process began
	idle      uint64 // bytes that hold nothing and are the process's still
	cycles    uint64 // collections that nobody has asked for
}

// mark is what a collection finds to be garbage, so that it tells of itself.
type mark struct{ _ *mark }

// watch has the next collection tell of itself.
func (w *watcher) watch() { runtime.AddCleanup(&mark{}, (*watcher).collected, w) }

// collected is called after each collection.
func (w *watcher) collected() {
	w.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.measure()
	w.last = now
	if now.cycles == w.cycles {
		return // it was ours
	}
	w.cycles = now.cycles
	w.lookAfter(quiet)
}

// lookAfter has look be called then and not before. [watcher.mu] is held.
func (w *watcher) lookAfter(pause time.Duration) {
	w.pause = pause
	if w.timer == nil {
		w.timer = time.AfterFunc(pause, w.look)
		return
	}
	w.timer.Reset(pause)
}

// look gives memory back if there is some. As long as more is used it looks again, after
// longer and longer pauses; else the next collection begins anew.
func (w *watcher) look() {
	if !w.due() {
		return
	}
	w.free()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = w.measure()
	w.lookAfter(min(2*w.pause, longest))
}

// due reports whether there is memory to give back.
func (w *watcher) due() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.measure()
	return now.idle+now.allocated-w.last.allocated >= worth
}

func measure() state {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/cycles/automatic:gc-cycles"}}
	metrics.Read(s)
	return state{allocated: s[0].Value.Uint64(), idle: s[1].Value.Uint64(), cycles: s[2].Value.Uint64()}
}
