//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"infisicalfs/internal/devserver"
)

// Everything is quicker than usual, so that minutes show what otherwise takes
// hours.
const (
	ttl          = time.Second
	maxStale     = 4 * time.Second
	softDeadline = 300 * time.Millisecond
	timeout      = 3 * time.Second
	watchPolls   = time.Second

	// staleLimit is how long after it was replaced a version may be shown: what
	// is promised, and a moment for a new one to be published on a busy machine.
	staleLimit = ttl + maxStale + time.Second
	// deniedLimit is the same for what is denied by a server that is well.
	deniedLimit = ttl + softDeadline + 2*time.Second
)

const (
	deniedFolder = "denied"
	rotating     = 12 // secrets in each folder
	writing      = 4  // secrets that are written here
	readersEach  = 2  // of each habit
)

// load is what happens to one mount.
type load struct {
	site    *site
	program string
	flags   []string // of the mount, besides ours
	mount   *mounted
	dir     string
	truth   *truth
	counts  *counts
	names   []string        // paths below dir
	written map[string]bool // those that are written through the mount
}

// soak loads a mount with these flags for that long while its server rotates secrets and fails
// in all ways. It fails if something happened that must not.
func soak(ctx context.Context, program string, lasts time.Duration, profile string, flags []string) (err error) {
	if program == "" {
		return errors.New("say what to load: --program=infisicalfs")
	}
	work, err := os.MkdirTemp("", "infisicalfs-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	l := &load{program: program, flags: flags, truth: newTruth(), counts: newCounts(), written: map[string]bool{}}
	if l.site, err = newSite(devserver.Config{Profile: devserver.Profile(profile), Seed: l.seed()}); err != nil {
		return err
	}
	defer l.site.close()
	if l.mount, err = l.start(filepath.Join(work, "mnt")); err != nil {
		return err
	}
	l.dir = filepath.Join(l.mount.dir, filesDir)
	began := time.Now()
	before, during, after, err := l.run(ctx, lasts)
	stopped := l.mount.stop()
	if err != nil {
		return errors.Join(err, stopped)
	}
	if stopped != nil {
		l.counts.violation("the end", "%v", stopped)
	}
	if err := l.stored(filepath.Join(work, "again")); err != nil {
		return err
	}
	fmt.Printf("%s server, %s\n", profile, time.Since(began).Round(time.Second))
	l.judgeUse(os.Stdout, before, during, after)
	if n := l.counts.print(os.Stdout); n > 0 {
		return fmt.Errorf("%d violations", n)
	}
	return nil
}

func (l *load) start(dir string) (*mounted, error) {
	args := []string{"mount", "--foreground", "--project=" + project,
		"--ttl=" + ttl.String(), "--max-stale=" + maxStale.String(), "--soft-deadline=" + softDeadline.String(),
		"--timeout=" + timeout.String(), "--rate-wait=2s", "--write-wait=2s", "--watch-interval=" + watchPolls.String()}
	return start(dir, l.site.environment(), l.program, append(args, l.flags...)...)
}

// seed has version 0 of everything.
func (l *load) seed() *devserver.Seed {
	content := devserver.SeedContent{}
	for _, folder := range []string{"", "plain", deniedFolder} {
		var list []devserver.SeedSecret
		for i := range rotating {
			list = append(list, l.seedSecret(folder, fmt.Sprintf("ROTATING_%02d", i)))
		}
		if folder == "" {
			for i := range writing {
				s := l.seedSecret(folder, fmt.Sprintf("WRITTEN_%02d", i))
				l.written[s.Name] = true
				list = append(list, s)
			}
			content.Secrets = list
			continue
		}
		content.Folders = append(content.Folders, devserver.SeedFolder{Name: folder, SeedContent: devserver.SeedContent{Secrets: list}})
	}
	return &devserver.Seed{Projects: []devserver.SeedProject{{Slug: project, Environments: []devserver.SeedEnvironment{{Slug: filesDir, SeedContent: content}}}}}
}

func (l *load) seedSecret(folder, key string) devserver.SeedSecret {
	name := filepath.Join(folder, key)
	l.names = append(l.names, name)
	l.truth.end(name, 0)
	return devserver.SeedSecret{Name: key, Value: textOf(name, 0)}
}

// run has everything happen at once, and looks at the process before, meanwhile
// and when all is quiet again.
func (l *load) run(ctx context.Context, lasts time.Duration) (before use, during []use, after use, err error) {
	if before, err = l.mount.use(); err != nil {
		return before, nil, after, err
	}
	loaded, stop := context.WithTimeout(ctx, lasts)
	defer stop()
	var wg sync.WaitGroup
	for what := range habits {
		for range readersEach {
			r := &reader{l, what, map[string]int{}}
			wg.Go(func() { r.read(loaded) })
		}
	}
	for name := range l.written {
		wg.Go(func() { l.write(loaded, name) })
	}
	wg.Go(func() { l.walk(loaded) })
	wg.Go(func() { l.rotate(loaded) })
	wg.Go(func() { l.happen(loaded) })
	wg.Go(func() { during = l.sampleUse(loaded) })
	wg.Wait()
	if ctx.Err() != nil {
		return before, during, after, ctx.Err()
	}
	pause(ctx, recovers+timeout)
	after, err = l.mount.use()
	return before, during, after, err
}

// stored looks with a new mount whether the server has what was acknowledged.
func (l *load) stored(dir string) error {
	m, err := l.start(dir)
	if err != nil {
		return err
	}
	defer m.stop()
	for name := range l.written {
		text, err := os.ReadFile(filepath.Join(dir, filesDir, name))
		if err != nil {
			return err
		}
		n, ok := versionOf(name, string(text))
		if want := l.truth.newest(name); !ok || n < want {
			l.counts.violation("lost", "%s: version %d was acknowledged, the server has %d", name, want, n)
		}
	}
	return nil
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
