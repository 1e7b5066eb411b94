//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// The environments with many secrets in one folder, for what a mount keeps of them and
// does when one of them changes.
const (
	largeDir, largeCount, largeBytes = "large", 10_000, 1 << 10
	smallDir, smallCount             = "small", 50_000
	fewDir, fewCount                 = "few", 100

	manyChanges = 20 // of one secret, for the processor's time of each
)

func manySeed() *devserver.Seed {
	large := make([]devserver.SeedSecret, largeCount)
	for i := range large {
		text := fileValue(i)
		large[i] = devserver.SeedSecret{Name: fileName(i), Value: text + strings.Repeat("y", largeBytes-len(text))}
	}
	return &devserver.Seed{Projects: []devserver.SeedProject{{Slug: project, Environments: []devserver.SeedEnvironment{
		{Slug: largeDir, SeedContent: devserver.SeedContent{Secrets: large}},
		{Slug: smallDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(smallCount)}},
		{Slug: manyDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(manyCount)}},
		{Slug: fewDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(fewCount)}},
	}}}}
}

// many measures what programs, one after the other, keep of many secrets in one folder,
// and what a change of one of them costs, and prints that side by side.
func many(ctx context.Context, programs []string) error {
	work, s, stop, err := workplace(manySeed())
	if err != nil {
		return err
	}
	defer stop()
	return sideBySide(programs, func(i int, program string) ([]target, error) {
		return (&cold{site: s, program: program, work: filepath.Join(work, fmt.Sprint(i))}).many(ctx)
	})
}

// sideBySide measures programs one after the other and prints a column for each, beside what is
// wanted.
func sideBySide(programs []string, measure func(i int, program string) ([]target, error)) error {
	var rows [][]string
	for i, program := range programs {
		column, err := measure(i, program)
		if err != nil {
			return err
		}
		for at, row := range column {
			if i == 0 {
				rows = append(rows, []string{row.what, row.wanted})
			}
			rows[at] = append(rows[at], row.measured)
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, strings.Join(append([]string{"", "wanted"}, programs...), "\t"))
	for _, row := range rows {
		fmt.Fprintln(out, strings.Join(row, "\t"))
	}
	return out.Flush()
}

func (c *cold) many(ctx context.Context) (list []target, err error) {
	for _, m := range []struct {
		env    string
		count  int
		wanted string
	}{
		{largeDir, largeCount, "≤ 25 anonymous, ≤ 34 in all"},
		{smallDir, smallCount, "≤ 48 anonymous, ≤ 62 in all"},
	} {
		kept, err := c.keeps(ctx, m.env, m.count)
		if err != nil {
			return nil, err
		}
		what := fmt.Sprintf("%d of %s, all read: ", m.count, m.env)
		list = append(list,
			target{what: what + "MiB 5 s later", measured: fmt.Sprintf("%.1f anonymous, %.1f in all", mib(kept.anonymous), mib(kept.resident)), wanted: m.wanted},
			target{what: what + "MiB at most after a refresh", measured: fmt.Sprintf("%.1f", mib(kept.most)), wanted: "one blob more"},
			target{what: what + "cache.bytes of status", measured: fmt.Sprintf("%.1f MiB", mib(kept.told)), wanted: "± 20 % of what is kept"},
		)
	}
	poll, event, err := c.changes(ctx)
	if err != nil {
		return nil, err
	}
	list = append(list,
		target{what: "poll with one change in 10,000: processor", measured: fmt.Sprintf("%.1f ms", poll.Seconds()*1000), wanted: "≤ 12 ms"},
		target{what: "the server's answer to IN_MODIFY", measured: inMillis(event), wanted: "≤ 25 ms"},
	)
	few, err := c.ownWrites(ctx, fewDir)
	if err != nil {
		return nil, err
	}
	all, err := c.ownWrites(ctx, manyDir)
	if err != nil {
		return nil, err
	}
	return append(list, target{what: "own write, folder of 10,000: processor", measured: fmt.Sprintf("%.2f ms (of 100: %.2f ms)", all.Seconds()*1000, few.Seconds()*1000), wanted: "≤ 2 × of 100"}), nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// kept is what a process has in memory, in bytes.
type kept struct{ anonymous, resident, most, told int64 }

// keeps reads all files of an environment, waits five seconds and looks at the process.
// Then something in the folder changes, and it looks how much the process has at most.
func (c *cold) keeps(ctx context.Context, env string, count int) (k kept, err error) {
	m, err := c.mount("--env="+env, "--watch-interval=2s", "--ttl=1h", "--timeout=1m")
	if err != nil {
		return k, err
	}
	defer m.stop()
	for i := range count {
		if _, err := os.ReadFile(filepath.Join(m.dir, fileName(i))); err != nil {
			return k, err
		}
	}
	pause(ctx, 5*time.Second)
	pid := m.cmd.Process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return k, err
	}
	k.anonymous, k.resident = field(string(text), "RssAnon")<<10, field(string(text), "VmRSS")<<10
	s, err := m.status()
	if err != nil {
		return k, err
	}
	k.told = s.Cache.Bytes
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil { // VmHWM begins anew
		return k, err
	}
	if err := c.edit(env, 7, "changed-0-"); err != nil {
		return k, err
	}
	pause(ctx, 6*time.Second)
	_, k.most, err = resident(pid)
	return k, err
}

func (c *cold) edit(env string, i int, mark string) error {
	return c.site.Edit(func(e *devserver.Editor) error { return e.Set(project, env, "/", fileName(i), mark+fileValue(i)) })
}

// changes changes one secret of 10,000 on the server again and again, with a watcher: the
// processor's time for each change, and the time from the answer to the event.
func (c *cold) changes(ctx context.Context) (each time.Duration, fromAnswer sample, err error) {
	m, err := c.mount("--env="+manyDir, "--watch-interval=1s", "--timeout=1m")
	if err != nil {
		return 0, nil, err
	}
	defer m.stop()
	path := filepath.Join(m.dir, fileName(0))
	if _, err := os.ReadFile(path); err != nil {
		return 0, nil, err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return 0, nil, err
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY); err != nil {
		return 0, nil, err
	}
	before := time.Duration(0)
	for i := range manyChanges + 1 {
		if err := errors.Join(ctx.Err(), c.edit(manyDir, 0, fmt.Sprintf("changed-%d-", i))); err != nil {
			return 0, nil, err
		}
		if err := waitEvent(fd, 30*time.Second); err != nil {
			return 0, nil, err
		}
		fromAnswer = append(fromAnswer, float64(time.Now().UnixNano()-c.site.lastAnswer.Load())/1e6)
		if i == 0 { // what a first change brings along is no part of it
			if before, err = processorTime(m.cmd.Process.Pid); err != nil {
				return 0, nil, err
			}
		}
	}
	after, err := processorTime(m.cmd.Process.Pid)
	return (after - before) / manyChanges, fromAnswer[1:], err
}

// ownWrites writes one file of an environment again and again: the processor's time for
// each.
func (c *cold) ownWrites(ctx context.Context, env string) (each time.Duration, err error) {
	m, err := c.mount("--env="+env, "--watch=off", "--ttl=1h", "--timeout=1m")
	if err != nil {
		return 0, err
	}
	defer m.stop()
	path := filepath.Join(m.dir, fileName(1))
	var before time.Duration
	for i := range manyChanges + 2 {
		if i == 2 {
			if before, err = processorTime(m.cmd.Process.Pid); err != nil {
				return 0, err
			}
		}
		if err := errors.Join(ctx.Err(), os.WriteFile(path, fmt.Appendf(nil, "written-%d-%s", i, fileValue(1)), 0o600)); err != nil {
			return 0, err
		}
	}
	after, err := processorTime(m.cmd.Process.Pid)
	return (after - before) / manyChanges, err
}

// processorTime is what a process has used of all processors.
func processorTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED, of a whole process
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &t)
	return time.Duration(t.Nano()), err
}
