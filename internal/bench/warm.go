//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// measure is something that is timed on each subject, in slices that take turns:
// what else the machine does hits all of them alike.
type measure struct {
	name   string
	slices int
	run    func(x *subject, slice int) (sample, error) // in µs an operation
	ops    func(slices int) int                        // operations of all slices, for counting messages
}

const sliceFiles = 100 // files of a slice

var warmMeasures = []measure{
	{"open+read+close", 4 * fileCount / sliceFiles, eachFile(readFile), func(n int) int { return n * sliceFiles }},
	{"stat", fileCount / sliceFiles, eachFile(statFile), func(n int) int { return n * sliceFiles }},
	{"list 1,000 names", 10, listOften, func(n int) int { return n * listings }},
	{"read, 4 at a time", 6, readTogether, func(n int) int { return n * readers * fileCount }},
}

// warmResult is what was measured: by measure and subject, a median for each
// slice, in the same order for all subjects.
type warmResult struct {
	times    map[string]map[string]sample // µs
	messages map[string]map[string]float64
}

// warm measures everything on every subject in rounds.
func warm(ctx context.Context, subjects []*subject, rounds int) (*warmResult, error) {
	r := &warmResult{map[string]map[string]sample{}, map[string]map[string]float64{}}
	for _, m := range warmMeasures {
		r.times[m.name], r.messages[m.name] = map[string]sample{}, map[string]float64{}
		for _, x := range subjects {
			// The first pass is not timed: it makes the second one a warm one.
			if _, err := pass(m, x); err != nil {
				return nil, err
			}
			n, err := countMessages(m, x)
			if err != nil {
				return nil, err
			}
			r.messages[m.name][x.name] = n
		}
	}
	for range rounds {
		for _, m := range warmMeasures {
			if err := r.round(ctx, m, subjects); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// round adds one round of one measure.
func (r *warmResult) round(ctx context.Context, m measure, subjects []*subject) error {
	for _, x := range subjects {
		if _, err := pass(m, x); err != nil { // what was measured before leaves other things warm
			return err
		}
	}
	for slice := range m.slices {
		for _, i := range rand.Perm(len(subjects)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			x := subjects[i]
			times, err := m.run(x, slice)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", m.name, x.name, err)
			}
			r.times[m.name][x.name] = append(r.times[m.name][x.name], times.median())
		}
	}
	return nil
}

// pass does all slices of one subject.
func pass(m measure, x *subject) (ops int, err error) {
	for slice := range m.slices {
		if _, err := m.run(x, slice); err != nil {
			return 0, fmt.Errorf("%s on %s: %w", m.name, x.name, err)
		}
	}
	return m.ops(m.slices), nil
}

// countMessages counts the kernel's messages for an operation, those that nobody
// waits for (RELEASE) among them; negative if it cannot be known.
func countMessages(m measure, x *subject) (float64, error) {
	if x.serve == nil {
		return 0, nil
	}
	pid := x.serve.cmd.Process.Pid
	before, err := readCalls(pid)
	if err != nil {
		return -1, nil // a user may not know that of a process that cannot be traced
	}
	ops, err := pass(m, x)
	if err != nil {
		return 0, err
	}
	after, err := readCalls(pid)
	return float64(after-before) / float64(ops), err
}

// eachFile times do on each file of a slice.
func eachFile(do func(path string, buffer []byte) error) func(*subject, int) (sample, error) {
	return func(x *subject, slice int) (sample, error) {
		times := make(sample, 0, sliceFiles)
		buffer := make([]byte, 4096)
		first := slice * sliceFiles % fileCount
		for _, path := range x.paths[first : first+sliceFiles] {
			began := time.Now()
			if err := do(path, buffer); err != nil {
				return nil, err
			}
			times = append(times, micros(time.Since(began)))
		}
		return times, nil
	}
}

// readFile reads to the end, as cat does.
func readFile(path string, buffer []byte) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	total := 0
	for {
		n, err := unix.Read(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("read %s: %w", path, err)
		}
		if n == 0 {
			break
		}
		total += n
	}
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close %s: %w", path, err)
	}
	if total != fileBytes {
		return fmt.Errorf("%s has %d bytes and not %d", path, total, fileBytes)
	}
	return nil
}

func statFile(path string, _ []byte) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return fmt.Errorf("stat %s: %w", path, err)
	}
	if st.Size != fileBytes {
		return fmt.Errorf("%s has a size of %d and not %d", path, st.Size, fileBytes)
	}
	return nil
}

const listings = 3 // of a slice

// listOften opens, lists and closes the directory.
func listOften(x *subject, _ int) (sample, error) {
	var times sample
	buffer := make([]byte, 32<<10)
	for range listings {
		began := time.Now()
		fd, err := unix.Open(x.files, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("opendir %s: %w", x.files, err)
		}
		names := 0
		for {
			n, err := unix.ReadDirent(fd, buffer)
			if err != nil {
				unix.Close(fd)
				return nil, fmt.Errorf("readdir %s: %w", x.files, err)
			}
			if n == 0 {
				break
			}
			names += countEntries(buffer[:n])
		}
		unix.Close(fd)
		times = append(times, micros(time.Since(began)))
		if names < fileCount {
			return nil, fmt.Errorf("%s lists %d names and not %d", x.files, names, fileCount)
		}
	}
	return times, nil
}

// countEntries counts the entries that getdents returned: each has its length
// after an inode number and an offset of eight bytes.
func countEntries(b []byte) (n int) {
	for len(b) >= 18 {
		length := int(b[16]) | int(b[17])<<8
		if length < 18 || length > len(b) {
			break
		}
		b = b[length:]
		n++
	}
	return n
}

const readers = 4 // at a time: two for each processor of a small machine

// readTogether has readers read all files, each in an order of its own.
func readTogether(x *subject, _ int) (sample, error) {
	var wg sync.WaitGroup
	errs := make([]error, readers)
	began := time.Now()
	for i := range readers {
		wg.Go(func() {
			buffer := make([]byte, 4096)
			for _, n := range rand.Perm(fileCount) {
				if errs[i] = readFile(x.paths[n], buffer); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	took := micros(time.Since(began)) / (readers * fileCount)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return sample{took}, nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
