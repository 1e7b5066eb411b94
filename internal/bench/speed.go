//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

const (
	coldRuns    = 5  // of what mounts anew
	eventsTimed = 10 // changes on the server
)

// speed measures program, prints what it found beside what is wanted, and draws
// a plot if a file is named for it.
func speed(ctx context.Context, program string, rounds int, plot string) error {
	if program == "" {
		return errors.New("say what to measure: --program=infisicalfs")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	work, s, stop, err := workplace(benchSeed())
	if err != nil {
		return err
	}
	defer stop()

	fmt.Printf("%s, %d processors, %s, %d rounds\n", kernel(), runtime.NumCPU(), runtime.Version(), rounds)
	subjects, stop, err := startSubjects(work, program, self, s)
	defer stop()
	if err != nil {
		return err
	}
	r, err := warm(ctx, subjects, rounds)
	if err != nil {
		return err
	}
	stop()
	printWarm(os.Stdout, r, rounds)

	targets := warmTargets(r)
	c := &cold{site: s, program: program, work: work}
	more, err := c.targets(ctx)
	if err != nil {
		return err
	}
	printTargets(os.Stdout, append(targets, more...))
	if plot != "" {
		return os.WriteFile(plot, []byte(drawWarm(r)), 0o644)
	}
	return nil
}

// workplace makes a directory to work in and a server with that content, until stop is called.
func workplace(seed *devserver.Seed) (work string, s *site, stop func(), err error) {
	if work, err = workDirectory(); err != nil {
		return "", nil, nil, err
	}
	if s, err = newSite(devserver.Config{Seed: seed}); err != nil {
		os.RemoveAll(work)
		return "", nil, nil, err
	}
	return work, s, func() { s.close(); os.RemoveAll(work) }, nil
}

// workDirectory is on a tmpfs, so that paths are equally long everywhere.
func workDirectory() (string, error) {
	const shared = "/dev/shm"
	var st unix.Statfs_t
	if err := unix.Statfs(shared, &st); err != nil || st.Type != unix.TMPFS_MAGIC {
		return "", fmt.Errorf("%s is not a tmpfs: mount one there, it is what is compared with", shared)
	}
	return os.MkdirTemp(shared, "infisicalfs-bench-")
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown kernel"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + strings.SplitN(unix.ByteSliceToString(u.Release[:]), "-", 2)[0]
}
