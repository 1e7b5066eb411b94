//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// counts is what happened. What must not happen is a violation.
type counts struct {
	mu         sync.Mutex // guards what follows
	done       map[string]int
	errors     map[string]int // by what was done and errno
	violations map[string]int
	examples   []string
	oldest     time.Duration // how long a version had been replaced that was still shown, at most
}

func newCounts() *counts {
	return &counts{done: map[string]int{}, errors: map[string]int{}, violations: map[string]int{}}
}

const maxExamples = 20

func (c *counts) did(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[what]++
}

func (c *counts) shown(age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.oldest = max(c.oldest, age)
}

// violation counts something that must not happen. Details hold no values.
func (c *counts) violation(what, format string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violations[what]++
	if len(c.examples) < maxExamples {
		c.examples = append(c.examples, time.Now().Format("15:04:05.000 ")+what+": "+fmt.Sprintf(format, a...))
	}
}

// allowed are the errors that a program may see while a server fails. That a
// secret does not exist is never one of them.
var allowed = []syscall.Errno{unix.EIO, unix.ETIMEDOUT, unix.EACCES, unix.EAGAIN, unix.ESTALE}

// failed counts an error, which is a violation if it is not an allowed one.
func (c *counts) failed(what string, err error) {
	var errno syscall.Errno
	if !errors.As(err, &errno) || !slices.Contains(allowed, errno) {
		c.violation("wrong error", "%s: %v", what, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors[what+": "+unix.ErrnoName(errno)]++
}

// print writes all, and returns how many violations there were.
func (c *counts) print(w io.Writer) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, part := range []struct {
		title string
		of    map[string]int
	}{{"done", c.done}, {"errors, as documented", c.errors}, {"violations", c.violations}} {
		fmt.Fprintf(w, "\n%s\n", part.title)
		for _, what := range slices.Sorted(maps.Keys(part.of)) {
			fmt.Fprintf(w, "  %8d  %s\n", part.of[what], what)
		}
		if len(part.of) == 0 {
			fmt.Fprintln(w, "         0")
		}
	}
	fmt.Fprintf(w, "\nthe oldest version that was shown had been replaced for %.1f s\n", c.oldest.Seconds())
	for _, text := range c.examples {
		fmt.Fprintln(w, "  "+text)
	}
	total := 0
	for _, n := range c.violations {
		total += n
	}
	return total
}
