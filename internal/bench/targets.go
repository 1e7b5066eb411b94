//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// target is one line of what is wanted.
type target struct {
	what, measured, wanted string
	met                    verdict
}

type verdict string

const (
	met     verdict = "met"
	missed  verdict = "NOT MET"
	unknown verdict = "not measured"
)

func verdictOf(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

// warmTargets judges medians of ratios.
func warmTargets(r *warmResult) []target {
	const read, stat, list = "open+read+close", "stat", "list 1,000 names"
	ratio := func(what, measure, x, to, against string, wanted float64) target {
		s := r.times[measure][x].over(r.times[measure][to])
		low, high := s.quartiles()
		return target{what, fmt.Sprintf("%.2f× (half: %.2f–%.2f)", s.median(), low, high),
			fmt.Sprintf("≤ %.2f× %s", wanted, against), verdictOf(s.median() <= wanted)}
	}
	messages := func(what, measure, x string, wanted float64, words string) target {
		n := r.messages[measure][x]
		if n < 0 {
			return target{what, "only root can count", words, unknown}
		}
		return target{what, fmt.Sprintf("%.2f", n), words, verdictOf(n <= wanted+0.05)} // one of a hundred may be something else's
	}
	return []target{
		messages("warm read: messages", read, onDefault, 2, "2: OPEN, and RELEASE, which nobody waits for"),
		ratio("warm read", read, onDefault, onBareKeep, "the bare program", 1.15),
		messages("warm read, cache full: messages", read, onFull, 0, "0"),
		ratio("warm read, cache full", read, onFull, onTmpfs, "tmpfs", 1.5),
		messages("warm stat: messages", stat, onDefault, 0, "0"),
		ratio("warm stat", stat, onDefault, onTmpfs, "tmpfs", 1.3),
		messages("list 1,000 names: messages", list, onDefault, 2, "2: OPENDIR, and RELEASEDIR"),
	}
}

// targets measures and judges what begins with a new mount.
func (c *cold) targets(ctx context.Context) ([]target, error) {
	var walkTime, walkAsked, catAsked, catReady sample
	for range coldRuns {
		took, asked, err := c.walk(ctx)
		if err != nil {
			return nil, err
		}
		walkTime, walkAsked = append(walkTime, took.Seconds()*1000), append(walkAsked, float64(asked))
		asked, ready, err := c.cat()
		if err != nil {
			return nil, err
		}
		catAsked, catReady = append(catAsked, float64(asked)), append(catReady, ready.Seconds()*1000)
	}
	walked, catted := most(walkAsked), most(catAsked)
	list := []target{
		{"cold grep -r, 1,000 secrets in 100 folders", fmt.Sprintf("%.0f requests, %s", walked, inMillis(walkTime)), "≤ 3 requests", verdictOf(walked <= 3)},
		{"cold cat of one secret: requests", fmt.Sprintf("%.0f", catted), "≤ 2", verdictOf(catted <= 2)},
		{"cold cat: from the last answer to the value", inMillis(catReady), "≤ 50 ms", verdictOf(catReady.median() <= 50)},
	}
	watching, err := c.idle(ctx, "used")
	if err != nil {
		return nil, err
	}
	quiet, err := c.idle(ctx, "off")
	if err != nil {
		return nil, err
	}
	list = append(list,
		target{"idle, watching 100 folders: requests an interval", fmt.Sprintf("%.1f", watching), "≤ 2", verdictOf(watching <= 2)},
		target{"idle, not watching: requests", fmt.Sprintf("%.0f", quiet*watchIntervals), "0", verdictOf(quiet == 0)},
	)
	event, err := c.eventTarget(ctx)
	if err != nil {
		return nil, err
	}
	used, idle, err := c.memory(ctx)
	if err != nil {
		return nil, err
	}
	size, err := os.Stat(c.program)
	if err != nil {
		return nil, err
	}
	return append(list, event,
		target{"10,000 secrets in one folder, ls and cat: memory", inMiB(used), "≤ 40 MiB", verdictOf(used <= 40<<20)},
		target{"the same, when it was not used any more", inMiB(idle), "less", verdictOf(idle < used)},
		target{"the program, stripped, static", fmt.Sprintf("%.1f MB", float64(size.Size())/1e6), "≤ 12 MB", verdictOf(size.Size() <= 12e6)},
	), nil
}

// eventTarget judges how long a change on the server takes to wake a watcher.
func (c *cold) eventTarget(ctx context.Context) (target, error) {
	wanted := eventPolls + 50*time.Millisecond
	t := target{"change on the server to inotify event", "", fmt.Sprintf("≤ %s: a poll each second, and 50 ms", wanted), unknown}
	if !notifies(c.program) {
		t.measured = "it does not tell watchers"
		return t, nil
	}
	fromChange, fromAnswer, err := c.events(ctx, eventsTimed)
	if err != nil {
		return t, err
	}
	t.measured = fmt.Sprintf("%s; from the poll's answer %s", inMillis(fromChange), inMillis(fromAnswer))
	t.met = verdictOf(fromChange.median() <= wanted.Seconds()*1000 && fromAnswer.median() <= 50)
	return t, nil
}

func most(s sample) float64 { _, n := s.spread(); return n }

func inMillis(s sample) string {
	least, most := s.spread()
	return fmt.Sprintf("%.0f ms (%.0f–%.0f)", s.median(), least, most)
}

func inMiB(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
