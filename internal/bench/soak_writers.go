//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"infisicalfs/internal/devserver"
)

// write writes one secret through the mount again and again. What close
// acknowledged is on the server.
func (l *load) write(ctx context.Context, name string) {
	for ctx.Err() == nil {
		n, text := l.truth.begin(name)
		if err := writeFile(filepath.Join(l.dir, name), text); err != nil {
			l.counts.failed("write", err)
			// What became of it is not known. Who goes on from what is there now
			// overwrites nothing of anybody else's.
			os.ReadFile(filepath.Join(l.dir, name))
		} else {
			l.truth.end(name, n)
			l.counts.did("write")
		}
		pause(ctx, 100*time.Millisecond+rand.N(400*time.Millisecond))
	}
}

// writeFile is like a careful program: close says whether it is stored.
func writeFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// rotate gives secrets new values on the server.
func (l *load) rotate(ctx context.Context) {
	for ctx.Err() == nil {
		name := oneOf(l.names)
		if l.written[name] {
			continue
		}
		n, text := l.truth.begin(name)
		if err := l.site.set(name, text); err != nil {
			l.counts.violation("the development server", "%v", err)
			return
		}
		l.truth.end(name, n)
		l.counts.did("rotation on the server")
		pause(ctx, rand.N(60*time.Millisecond))
	}
}

// set changes a secret on the server; name is its path below the environment.
func (s *site) set(name, text string) error {
	folder, key := "/", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		folder, key = "/"+name[:i], name[i+1:]
	}
	return s.Edit(func(e *devserver.Editor) error { return e.Set(project, filesDir, folder, key, text) })
}
