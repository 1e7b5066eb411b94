package integration

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// longRun is four hours of a server whose secrets rotate and which fails now and
// then, and of a mount that is looked at rarely.
type longRun struct {
	*world
	rand *rand.Rand
	dirs []secret.Dir

	mu     sync.Mutex             // guards what follows
	values map[secret.Dir][]value // oldest first
	heard  map[secret.Dir]told    // the latest
	counts struct{ reads, stale, refused, rotations, noticed, denials int }
	latest time.Duration // from a rotation to its changes, at most, while the server was well
}

type value struct {
	text string
	at   time.Time
}

func TestFourHours(t *testing.T) {
	for _, p := range devserver.Profiles() {
		t.Run(string(p), func(t *testing.T) {
			play(t, limited(p), cache.Config{}, nil, func(w *world) {
				// So few that half of the limit is enough without bulk requests,
				// which are not made for a while after one timed out.
				d := &longRun{world: w, rand: rand.New(rand.NewPCG(4, 4)), dirs: w.dirs[:8]}
				d.values, d.heard = map[secret.Dir][]value{}, map[secret.Dir]told{}
				d.live()
			})
		})
	}
}

func (d *longRun) live() {
	for _, dir := range d.dirs {
		d.values[dir] = []value{{"first", time.Now()}}
	}
	d.use(d.dirs...)
	time.Sleep(2 * time.Minute)
	done := make(chan struct{})
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(done)
	readers.Go(func() { d.read(done) })
	d.ResetRequests()
	began, quiet := time.Now(), runtime.NumGoroutine()
	for n := 0; time.Since(began) < 4*time.Hour; n++ {
		d.well()
		heal := d.fail(n)
		for range 2 + d.rand.IntN(4) {
			d.rotate()
			d.sleep(2 * time.Minute)
		}
		heal()
		d.recover()
		require.LessOrEqual(d, runtime.NumGoroutine(), quiet+1)
	}
	d.Logf("%+v, noticed after %v at most; %d requests in %v, %d polls, %d purges",
		d.counts, d.latest, len(d.Requests()), time.Since(began).Round(time.Minute), d.cache.Stats().Watch.Polls, d.cache.Stats().Purges)
	require.NotZero(d, d.counts.denials)
}

// well is a time without failures: each rotation is noticed within the interval.
func (d *longRun) well() {
	for range 4 {
		d.sleep(time.Minute)
		dir, text := d.rotate()
		at := time.Now()
		time.Sleep(time.Minute)
		d.listen()
		got, ok := d.heard[dir]
		require.True(d, ok && got.New != nil, "no change of %s: %+v", dir, d.cache.Stats())
		require.Equal(d, text, key(got.New))
		d.latest = max(d.latest, got.at.Sub(at))
		d.counts.noticed++
	}
}

// fail makes something go wrong until heal is called.
func (d *longRun) fail(n int) (heal func()) {
	broken := func(status int) func() {
		return d.Inject(devserver.Fault{Status: status, Body: `{"message":"broken"}`, Match: func(r *http.Request) bool { return r.Method == "GET" }})
	}
	dir := d.dirs[d.rand.IntN(len(d.dirs))]
	switch n % 7 {
	case 0:
		return broken(http.StatusServiceUnavailable)
	case 1:
		return broken(http.StatusTooManyRequests)
	case 2:
		return d.Inject(devserver.Fault{Hang: true})
	case 3:
		d.edit(func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "prod", dir.Path) })
		return func() { d.edit(func(e *devserver.Editor) error { return e.Allow("viewer") }) }
	case 4:
		d.edit(func(e *devserver.Editor) error { return e.Grant("viewer", "demo", "") })
		return func() { d.edit(func(e *devserver.Editor) error { return e.Grant("viewer", "demo", "viewer") }) }
	case 5:
		d.edit(func(e *devserver.Editor) error { return e.Revoke("viewer") })
		return func() {}
	}
	return d.Inject(devserver.Fault{Reset: true, Match: func(*http.Request) bool { return rand.IntN(2) == 0 }})
}

// recover waits until polls are at their usual pace, and demands that by then
// everything that is shown is what the server has.
func (d *longRun) recover() {
	for began := time.Now(); ; {
		d.sleep(time.Minute)
		for _, dir := range d.dirs { // what the server said not to exist is for callers to find again
			d.cache.Folder(d.Context(), dir, secret.NeedEntry)
		}
		time.Sleep(2 * time.Minute)
		if s := d.cache.Stats(); s.Watch.IntervalSeconds == 60 && s.StaleSince.IsZero() && s.Watch.Folders == len(d.dirs) {
			break
		}
		require.Less(d, time.Since(began), time.Hour)
	}
	d.listen()
	for _, dir := range d.dirs {
		folder, err := d.cache.Folder(d.Context(), dir, secret.NeedEntry)
		require.NoError(d, err)
		require.Equal(d, d.values[dir][len(d.values[dir])-1].text, key(folder), dir)
	}
}

func (d *longRun) rotate() (secret.Dir, string) {
	dir := d.dirs[d.rand.IntN(len(d.dirs))]
	d.counts.rotations++
	text := fmt.Sprint("value ", d.counts.rotations)
	d.mu.Lock()
	d.values[dir] = append(d.values[dir], value{text, time.Now()})
	d.mu.Unlock()
	d.set(dir, text)
	return dir, text
}

// listen takes in the changes.
func (d *longRun) listen() {
	for _, n := range d.changes() {
		if n.Err != nil {
			d.counts.denials++
			continue
		}
		require.False(d, n.Old != nil && n.New != nil && key(n.Old) == key(n.New), "a change of nothing about %s", n.Dir)
		d.heard[n.Dir] = n
	}
}

func (d *longRun) sleep(most time.Duration) {
	time.Sleep(time.Duration(d.rand.Int64N(int64(most))))
	synctest.Wait()
}

// read looks at every folder every twenty minutes and has the answers checked.
func (d *longRun) read(done chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(20 * time.Minute):
		}
		for _, dir := range d.dirs {
			asked := time.Now()
			folder, err := d.cache.Folder(d.Context(), dir, secret.NeedEntry)
			d.check(dir, asked, folder, err)
		}
	}
}

// check demands that what is shown was the truth within the last minute, or
// within MaxStale before it if it is marked as stale.
func (d *longRun) check(dir secret.Dir, asked time.Time, folder *secret.Folder, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts.reads++
	if err != nil || folder.Denied != nil {
		d.counts.refused++
		return
	}
	bound := time.Minute
	if folder.Stale {
		d.counts.stale++
		bound = 16 * time.Minute
	}
	text, history := key(folder), d.values[dir]
	for i, v := range history {
		if v.text == text && i+1 < len(history) && asked.Sub(history[i+1].at) > bound {
			d.Errorf("%s: a value that it has not had for %v", dir, asked.Sub(history[i+1].at))
		}
	}
}

func key(folder *secret.Folder) string {
	s, _ := folder.Secret("KEY")
	return s.Value.Reveal()
}
