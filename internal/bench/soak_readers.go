//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// reader is somebody who reads all the time, in a way of its own.
type reader struct {
	*load
	what string
	last map[string]int // the newest version seen, by name
}

// habits are the ways of reading: what is read, once the file is open.
var habits = map[string]func(context.Context, *os.File) ([]byte, error){
	"read whole": func(_ context.Context, f *os.File) ([]byte, error) { return io.ReadAll(f) },
	"read in pieces of 16 bytes": func(_ context.Context, f *os.File) ([]byte, error) {
		return readPieces(f, 16)
	},
	"read in pages": func(_ context.Context, f *os.File) ([]byte, error) { return readPieces(f, 4096) },
	"read, held open for a while": func(ctx context.Context, f *os.File) ([]byte, error) {
		first := make([]byte, 10)
		if _, err := io.ReadFull(f, first); err != nil {
			return nil, err
		}
		pause(ctx, rand.N(600*time.Millisecond))
		rest, err := io.ReadAll(f)
		return append(first, rest...), err
	},
}

func readPieces(f *os.File, size int) (text []byte, err error) {
	for piece := make([]byte, size); ; {
		n, err := f.Read(piece)
		text = append(text, piece[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return nil, err
		}
	}
}

// read reads secrets until ctx ends.
func (r *reader) read(ctx context.Context) {
	for ctx.Err() == nil {
		r.once(ctx, oneOf(r.names))
		pause(ctx, rand.N(4*time.Millisecond))
	}
}

func (r *reader) once(ctx context.Context, name string) {
	began, acknowledged := time.Now(), 0
	if r.written[name] {
		acknowledged = r.truth.newest(name)
	}
	f, err := os.Open(filepath.Join(r.dir, name))
	if err != nil {
		r.counts.failed("open", err)
		return
	}
	defer f.Close()
	text, err := habits[r.what](ctx, f)
	if err != nil {
		r.counts.failed(r.what, err)
		return
	}
	r.counts.did(r.what)
	n, ok := versionOf(name, string(text))
	switch {
	case !ok || !r.truth.possible(name, n):
		r.counts.violation("torn", "%s, %s: %s; open for %s", r.what, name, unlike(name, string(text)), time.Since(began))
		return
	case n < r.last[name]:
		r.counts.violation("backwards", "%s, %s: version %d after %d", r.what, name, n, r.last[name])
	case n < acknowledged:
		r.counts.violation("own write not shown", "%s, %s: version %d after %d was stored through this mount", r.what, name, n, acknowledged)
	}
	r.last[name] = n
	if age := r.truth.age(name, n, began); age > 0 {
		r.counts.shown(age)
		if age > staleLimit {
			r.counts.violation("stale", "%s, %s: version %d had been replaced for %s", r.what, name, n, age)
		}
	}
	if strings.HasPrefix(name, deniedFolder) {
		if long := r.truth.denied(began); long > deniedLimit {
			r.counts.violation("denied and shown", "%s had been denied for %s", name, long)
		}
	}
}

// walk lists everything again and again, as find and ls -l do.
func (l *load) walk(ctx context.Context) {
	for ctx.Err() == nil {
		found := 0
		err := filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = d.Info()
				found++
			}
			if err != nil && d != nil && d.IsDir() {
				l.counts.failed("list", err)
				return fs.SkipDir
			}
			return err
		})
		switch {
		case err != nil:
			l.counts.failed("walk", err)
		case found > len(l.names):
			l.counts.violation("listing", "%d secrets instead of %d", found, len(l.names))
		default:
			l.counts.did("walk")
		}
		pause(ctx, 50*time.Millisecond)
	}
}
