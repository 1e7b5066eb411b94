//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// cost is what a number of mounts of one environment cost.
type cost struct {
	mounts   int
	requests int
	ready    time.Duration // from none to all of them
	again    time.Duration // from the start of the next process to all of them, after a kill; 0: not tried
	threads  int64
	resident int64  // bytes
	event    effort // of all processes for one mount elsewhere and its unmount, beyond that of doing nothing
}

// volumes measures many volumes of one process beside processes with a mount each, the same
// server and in one run.
func volumes(ctx context.Context, program string, many, apart, atOnce int) error {
	if os.Geteuid() != 0 {
		return errors.New("only root can have shared mounts")
	}
	work, err := os.MkdirTemp("", "infisicalfs-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	s, err := newSite(devserver.Config{})
	if err != nil {
		return err
	}
	defer s.close()
	one, all, err := inOneProcess(ctx, s, filepath.Join(work, "volumes"), many, atOnce)
	if err != nil {
		return err
	}
	single, separate, err := inProcesses(ctx, s, program, filepath.Join(work, "processes"), apart, atOnce)
	if err != nil {
		return err
	}
	rows := [][]string{{"", "requests", "ready", "after a kill", "threads", "memory", "CPU of a mount event", "switches"}}
	for _, row := range []struct {
		name string
		cost
	}{{"one volume", one}, {"volumes of one process", all}, {"one process", single}, {"processes with a mount each", separate}} {
		again := ""
		if row.again > 0 {
			again = row.again.Round(time.Millisecond).String()
		}
		rows = append(rows, []string{fmt.Sprintf("%d: %s", row.mounts, row.name), fmt.Sprint(row.requests), row.ready.Round(time.Millisecond).String(), again,
			fmt.Sprint(row.threads), inMiB(row.resident), row.event.cpu.Round(10 * time.Microsecond).String(), fmt.Sprintf("%.1f", row.event.switches)})
	}
	fmt.Printf("\n%s", columns(rows))
	printTargets(os.Stdout, volumeTargets(one, all))
	return nil
}

// volumeTargets judges what each volume beyond the first costs.
func volumeTargets(one, all cost) []target {
	more := max(1, int64(all.mounts-one.mounts))
	threads := float64(all.threads-one.threads) / float64(more)
	memory := float64(all.resident-one.resident) / float64(more) / 1000
	return []target{
		{fmt.Sprintf("%d volumes: requests", all.mounts), fmt.Sprint(all.requests), fmt.Sprintf("%d, as of one", one.requests), verdictOf(all.requests <= one.requests)},
		{"ready", all.ready.Round(time.Millisecond).String(), "≤ 30 ms each", verdictOf(all.ready <= time.Duration(all.mounts)*30*time.Millisecond)},
		{"ready after a kill", all.again.Round(time.Millisecond).String(), "≤ 30 ms each", verdictOf(all.again <= time.Duration(all.mounts)*30*time.Millisecond)},
		{"threads, each beyond the first", fmt.Sprintf("%.1f", threads), "≤ 3", verdictOf(threads <= 3)},
		{"memory, each beyond the first", fmt.Sprintf("%.0f kB", memory), "≤ 300 kB", verdictOf(memory <= 300)},
		{"CPU of a mount event", all.event.cpu.Round(10 * time.Microsecond).String(), "≤ 0.1 ms more than with one", verdictOf(all.event.cpu <= one.event.cpu+time.Millisecond/10)},
	}
}

// inOneProcess measures the first volume and many of a process.
func inOneProcess(ctx context.Context, s *site, dir string, many, atOnce int) (one, all cost, err error) {
	service, err := startService(s, dir, atOnce, 0)
	if err != nil {
		return one, all, err
	}
	defer func() {
		if service != nil {
			err = errors.Join(err, service.stop())
		}
	}()
	measure := func(n int) (cost, error) {
		began := time.Now()
		if err := service.mount(n); err != nil {
			return cost{}, err
		}
		return weigh(ctx, n, len(s.Requests()), time.Since(began), service.cmd.Process.Pid)
	}
	s.ResetRequests()
	if one, err = measure(1); err == nil {
		all, err = measure(many)
	}
	if err == nil {
		service.kill()
		began := time.Now()
		service, err = startService(s, dir, atOnce, many)
		all.again = time.Since(began)
	}
	return one, all, err
}

// inProcesses measures a process with one mount, and many of them.
func inProcesses(ctx context.Context, s *site, program, dir string, many, atOnce int) (one, all cost, err error) {
	var running []*mounted
	defer func() {
		var ends errgroup.Group
		ends.SetLimit(atOnce)
		for _, m := range running {
			ends.Go(m.stop)
		}
		err = errors.Join(err, ends.Wait())
	}()
	measure := func(n int) (cost, error) {
		began, first := time.Now(), len(running)
		running = append(running, make([]*mounted, n-first)...)
		var begins errgroup.Group
		begins.SetLimit(atOnce)
		for i := first; i < n; i++ {
			begins.Go(func() (err error) {
				running[i], err = start(filepath.Join(dir, strconv.Itoa(i)), s.environment(), program, "mount", "-f", "--project=demo", "--env=dev", "--control=off")
				return err
			})
		}
		if err := begins.Wait(); err != nil {
			return cost{}, err
		}
		var pids []int
		for _, m := range running {
			pids = append(pids, m.cmd.Process.Pid)
		}
		return weigh(ctx, n, len(s.Requests()), time.Since(began), pids...)
	}
	s.ResetRequests()
	if one, err = measure(1); err == nil {
		all, err = measure(many)
	}
	return one, all, err
}

// weigh looks at processes that have n mounts.
func weigh(ctx context.Context, n, requests int, ready time.Duration, pids ...int) (cost, error) {
	pause(ctx, time.Second) // what has to do with beginning is over
	w := cost{mounts: n, requests: requests, ready: ready}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return w, err
		}
		w.threads += field(string(text), "Threads")
		w.resident += field(string(text), "VmRSS") << 10
	}
	point, err := os.MkdirTemp("", "infisicalfs-bench-")
	if err != nil {
		return w, err
	}
	defer os.Remove(point)
	const events = 20
	spend := func(do func() error) (effort, error) {
		before, err := used(pids)
		for range events {
			err = errors.Join(err, do())
			pause(ctx, 50*time.Millisecond) // one after the other
		}
		after, other := used(pids)
		return after.since(before), errors.Join(err, other)
	}
	idle, err := spend(func() error { return nil })
	if err != nil {
		return w, err
	}
	busy, err := spend(func() error {
		return errors.Join(unix.Mount("none", point, "tmpfs", 0, ""), unix.Unmount(point, 0))
	})
	more := busy.since(idle)
	w.event = effort{max(0, more.cpu) / events, max(0, more.switches) / events}
	return w, err
}

// effort is what processes have done.
type effort struct {
	cpu      time.Duration
	switches float64 // of context
}

func (e effort) since(before effort) effort {
	return effort{e.cpu - before.cpu, e.switches - before.switches}
}

// used is what processes have done so far.
func used(pids []int) (sum effort, err error) {
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return sum, err
		}
		for _, thread := range threads {
			time, err := os.ReadFile(filepath.Join(thread, "schedstat"))
			status, other := os.ReadFile(filepath.Join(thread, "status"))
			if err != nil || other != nil {
				continue // it has ended
			}
			sum.cpu += onCPU(string(time))
			sum.switches += float64(field(string(status), "voluntary_ctxt_switches") + field(string(status), "nonvoluntary_ctxt_switches"))
		}
	}
	return sum, nil
}

// onCPU is the first number of a thread's schedstat.
func onCPU(schedstat string) time.Duration {
	first, _, _ := strings.Cut(schedstat, " ")
	n, _ := strconv.ParseInt(first, 10, 64)
	return time.Duration(n)
}

// again is a command that runs this program.
func again(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	return exec.Command(self, args...), err
}
