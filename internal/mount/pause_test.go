//go:build linux

package mount

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkPauses measures how long somebody who reads all the time is kept waiting when the
// process of a mount changes: the longest that it took from one value to the next, and how
// many reads failed meanwhile. The pause that a service manager makes before it starts a
// process again (RestartSec=) is not in it.
func BenchmarkPauses(b *testing.B) {
	of := func(end func(u *unit, before int)) func(b *testing.B) (string, func(), func()) {
		return func(b *testing.B) (point string, change, done func()) {
			u, changes := newUnit(b), 0
			u.start()
			return u.point, func() { end(u, changes); u.start(); changes++ }, func() { u.stop("stop") }
		}
	}
	for _, c := range []struct {
		name  string
		begin func(b *testing.B) (point string, change, end func())
	}{
		{"a restart of the unit", of(func(u *unit, _ int) { u.stop("restart") })},
		{"a kill of the unit's process", of(func(u *unit, before int) { u.caughtUp(before); u.kill() })},
		{"mount --replace", func(b *testing.B) (point string, change, end func()) {
			needFUSE(b)
			point = directory(b)
			serving := servedNext(b, point, "one")
			return point, func() {
					before := serving
					serving = servedNext(b, point, "one")
					require.NoError(b, before.Wait())
				}, func() {
					require.NoError(b, unmounted(context.Background(), point))
					require.NoError(b, serving.Wait())
				}
		}},
		{"a kill without a manager, and mount", func(b *testing.B) (point string, change, end func()) {
			point = directory(b)
			serving := served(b, point)
			return point, func() {
					require.NoError(b, serving.Process.Kill())
					serving.Wait()
					serving = served(b, point)
				}, func() {
					require.NoError(b, unmounted(context.Background(), point))
					require.NoError(b, serving.Wait())
				}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			point, change, end := c.begin(b)
			w := watchPauses(filepath.Join(point, "GREETING"))
			for range b.N {
				change()
				w.nextValue()
			}
			w.stop()
			end()
			b.ReportMetric(float64(w.longest.Milliseconds()), "ms-longest-pause")
			b.ReportMetric(float64(w.failed), "failed-reads")
			b.ReportMetric(float64(w.values), "reads")
		})
	}
}

// pauses is somebody who reads a file once a millisecond.
type pauses struct {
	path   string
	values int
	failed int

	longest time.Duration
	value   chan struct{} // has something after a value was read
	over    chan struct{}
	group   sync.WaitGroup
}

func watchPauses(path string) *pauses {
	p := &pauses{path: path, value: make(chan struct{}, 1), over: make(chan struct{})}
	p.group.Go(p.read)
	return p
}

func (p *pauses) read() {
	for last := time.Now(); ; time.Sleep(time.Millisecond) {
		select {
		case <-p.over:
			return
		default:
		}
		if is("hello, world")(os.ReadFile(p.path)) != nil {
			p.failed++
			continue
		}
		now := time.Now()
		last, p.longest, p.values = now, max(p.longest, now.Sub(last)), p.values+1
		select {
		case p.value <- struct{}{}:
		default:
		}
	}
}

// nextValue returns when a value was read that was asked for after the call.
func (p *pauses) nextValue() {
	for range 3 { // one may be from before, and one on its way
		<-p.value
	}
}

func (p *pauses) stop() {
	close(p.over)
	p.group.Wait()
}
