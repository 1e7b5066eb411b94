package fs

import (
	"sync"

	"infisicalfs/secret"
)

// revocable is something open that shows what a folder had when it was opened.
type revocable interface {
	folder() secret.Dir
	revoke() // drop it; called with the registry locked, so it must not block
}

// registry knows what is open, so that a revocation reaches it. Reading does
// not go through it.
type registry struct {
	mu    sync.Mutex // guards what follows
	files map[revocable]struct{}
	epoch uint64 // counts revocations
}

// open calls load, which gives r its content, and registers r. If something was
// revoked in the meantime, what was loaded may be from before: load is called
// again.
func (g *registry) open(r revocable, load func() error) error {
	for {
		epoch := g.now()
		if err := load(); err != nil {
			g.close(r)
			r.revoke()
			return err
		}
		if g.add(r, epoch) {
			return nil
		}
	}
}

func (g *registry) now() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.epoch
}

func (g *registry) add(r revocable, epoch uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.epoch != epoch {
		return false
	}
	if g.files == nil {
		g.files = make(map[revocable]struct{})
	}
	g.files[r] = struct{}{}
	return true
}

// version returns what somebody has who has n open for reading; nil if nobody has.
func (g *registry) version(n *file) *secret.Secret {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r := range g.files {
		if h, ok := r.(*handle); ok && h.file == n {
			if s := h.secret.Load(); s != nil {
				return s
			}
		}
	}
	return nil
}

func (g *registry) close(r revocable) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.files, r)
}

// revoke takes the content from whatever is open and lost, and returns that.
// lost is called with the registry locked, so it must not block.
func (g *registry) revoke(lost func(revocable) bool) (gone []revocable) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.epoch++
	for r := range g.files {
		if lost(r) {
			r.revoke()
			gone = append(gone, r)
		}
	}
	return gone
}

// count returns how many files and directories are open.
func (g *registry) count() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r := range g.files {
		if _, ok := r.(*watchedGeneration); !ok {
			n++
		}
	}
	return n
}

// concerns reports whether the news is about dir.
func concerns(change secret.Change, dir secret.Dir) bool {
	return change.Dir == dir || change.Deep && change.Dir.Contains(dir)
}
