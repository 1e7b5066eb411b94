package giveback

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// process is what a watcher sees of a process in a bubble.
type process struct {
	w *watcher

	mu    sync.Mutex // guards what follows
	now   state
	freed int
}

func newProcess() *process {
	p := &process{}
	p.w = &watcher{measure: func() state {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.now
	}, free: func() { p.does(func() { p.freed++; p.now.idle = 0 }) }}
	return p
}

// does changes what is seen of the process.
func (p *process) does(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// allocate is a use of so many bytes.
func (p *process) allocate(n uint64) { p.does(func() { p.now.allocated += n }) }

// times is how often memory has gone back.
func (p *process) times() (n int) {
	p.does(func() { n = p.freed })
	return n
}

// collect is a collection that nobody has asked for.
func (p *process) collect() {
	p.does(func() { p.now.cycles++ })
	p.w.collected()
}

func TestMemoryGoesBackOnceItIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		for range 10 { // a burst
			p.allocate(10 << 20)
			p.collect()
			time.Sleep(quiet / 2)
		}
		require.Zero(t, p.times(), "not while there is work to do")
		p.allocate(worth) // since the last collection
		time.Sleep(quiet)
		synctest.Wait()
		require.Equal(t, 1, p.times())
		time.Sleep(time.Hour)
		require.Equal(t, 1, p.times(), "nothing has happened since")
	})
}

func TestWhatIsNotWorthItStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		p.collect()
		p.allocate(worth - 1)
		time.Sleep(time.Hour)
		require.Zero(t, p.times())
		p.does(func() { p.now.idle = worth })
		p.collect()
		time.Sleep(time.Hour)
		require.Equal(t, 1, p.times(), "memory that holds nothing is the process's too")
	})
}

func TestWhereWorkGoesOnItIsDoneSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		p.collect()
		for range 600 { // ten minutes in which no collection comes by itself
			p.allocate(worth)
			time.Sleep(time.Second)
		}
		require.Greater(t, p.times(), 8)
		require.Less(t, p.times(), 20)
	})
}

// Each collection of the runtime is heard of, and one that is ours is told from the others.
func TestCollectionsAreHeardOf(t *testing.T) {
	var measured atomic.Int32
	w := &watcher{free: func() {}, measure: func() state { measured.Add(1); return state{} }}
	w.watch()
	for n := range int32(3) {
		require.Eventually(t, func() bool { runtime.GC(); return measured.Load() > n }, 10*time.Second, time.Millisecond)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Nil(t, w.timer, "no cycle was counted")
	require.NotZero(t, measure().allocated)
}
