//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// use is what a process has of the machine.
type use struct {
	memory      int64 // bytes
	descriptors int
	goroutines  int
}

func (u use) String() string {
	return fmt.Sprintf("%s, %d descriptors, %d goroutines", inMiB(u.memory), u.descriptors, u.goroutines)
}

// use looks at the mount's process.
func (m *mounted) use() (u use, err error) {
	pid := m.cmd.Process.Pid
	if u.memory, _, err = resident(pid); err != nil {
		return u, err
	}
	if u.descriptors, err = descriptors(pid); err != nil {
		return u, err
	}
	s, err := m.status()
	u.goroutines = s.Goroutines
	return u, err
}

const sampleEvery = 2 * time.Second

// sampleUse looks at the process until ctx ends.
func (l *load) sampleUse(ctx context.Context) (samples []use) {
	for ctx.Err() == nil {
		u, err := l.mount.use()
		if err != nil {
			l.counts.violation("status", "%v", err)
		} else {
			samples = append(samples, u)
		}
		pause(ctx, sampleEvery)
	}
	return samples
}

// How much more a process may have late under load, and after it, than early. A
// connection or a request more or less is no growth.
const (
	moreMemory      = 16 << 20
	moreDescriptors = 10
	moreGoroutines  = 40
)

// judgeUse prints what the process had and counts growth.
func (l *load) judgeUse(w io.Writer, before use, during []use, after use) {
	fmt.Fprintf(w, "\nthe process\n  before     %s\n", before)
	if fifth := len(during) / 5; fifth > 0 {
		early, late := medianUse(during[fifth:2*fifth]), medianUse(during[len(during)-fifth:])
		fmt.Fprintf(w, "  early      %s\n  late       %s\n", early, late)
		l.judgeGrowth("under load", early, late)
		l.judgeGrowth("after it", early, after)
	}
	fmt.Fprintf(w, "  afterwards %s\n", after)
}

func (l *load) judgeGrowth(when string, from, to use) {
	if to.memory > from.memory+moreMemory || to.descriptors > from.descriptors+moreDescriptors || to.goroutines > from.goroutines+moreGoroutines {
		l.counts.violation("growth", "%s: from %s to %s", when, from, to)
	}
}

func medianUse(samples []use) use {
	var memory, files, routines sample
	for _, u := range samples {
		memory = append(memory, float64(u.memory))
		files = append(files, float64(u.descriptors))
		routines = append(routines, float64(u.goroutines))
	}
	return use{int64(memory.median()), int(files.median()), int(routines.median())}
}
