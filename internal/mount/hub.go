package mount

import (
	"context"
	"log/slog"
	"sync"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// Hub is what several mounts of one process have in common if they show the same
// server to the same identity: one cache, so that a hundred mounts of one environment
// cost the requests of one, and what is changed through one of them is shown by the
// others at once. Each mount shows its own root of it, and hears of changes there only.
//
// All mounts of a Hub show what one login may read; what that may not is not in the
// cache. A mount of another identity has another Hub.
type Hub struct {
	cache *cache.Cache

	mu     sync.RWMutex // guards mounts; nobody is told anything while it is held
	mounts map[*rooms]*member
}

// member is a mount of a hub.
type member struct {
	root   secret.Dir
	beTold sync.WaitGroup // counts calls that are under way
}

// HubConfig says what a hub's mounts are of.
type HubConfig struct {
	Upstream   secret.Upstream // stays the caller's to close, after the hub
	Writer     secret.Writer   // of the mounts that may be written; nil: none
	Raw        bool            // as in Config
	MaxSecrets int             // as in Config
	// Cache is how the cache behaves. Mounts may want newer answers than it does. What leads to
	// and from the mounts is NewHub's to fill in.
	Cache cache.Config
	Log   *slog.Logger // nil: nothing is logged
}

// NewHub makes a hub without mounts. The caller closes it when they have ended.
func NewHub(cfg HubConfig) *Hub {
	h := &Hub{mounts: map[*rooms]*member{}}
	c := Config{Writer: cfg.Writer, Raw: cfg.Raw, MaxSecrets: cfg.MaxSecrets, Cache: cfg.Cache, Log: cfg.Log}.cacheConfig()
	c.Parts = true
	c.Held, c.OnChange, c.OnDependents = h.held, h.apply, h.touched
	h.cache = cache.New(cfg.Upstream, c)
	return h
}

// Close closes the cache.
func (h *Hub) Close() { h.cache.Close() }

// Stats are the cache's.
func (h *Hub) Stats() cache.Stats { return h.cache.Stats() }

// Folder returns what the mounts would show of a folder, whether or not one of them
// does. The errors are those of a [secret.Source].
func (h *Hub) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	p := h.cache.Part(dir, 0, 0)
	defer p.Close()
	return p.Folder(ctx, dir, need)
}

// join has r be told of changes from now on.
func (h *Hub) join(r *rooms) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts[r] = &member{root: r.root}
}

// leave returns when r is told nothing any more.
func (h *Hub) leave(r *rooms) {
	h.mu.Lock()
	m := h.mounts[r]
	delete(h.mounts, r)
	h.mu.Unlock()
	if m != nil {
		m.beTold.Wait()
	}
}

// size is how many mounts there are.
func (h *Hub) size() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.mounts)
}

// each calls tell side by side for the mounts that concerns reports true for, and
// returns when all have returned: one whose readers hold an old version takes up to a
// quarter of a second, which is not the others' business.
func (h *Hub) each(concerns func(root secret.Dir) bool, tell func(*rooms)) {
	var all sync.WaitGroup
	h.mu.RLock()
	for r, m := range h.mounts {
		if concerns(m.root) {
			m.beTold.Add(1)
			all.Go(func() {
				defer m.beTold.Done()
				tell(r)
			})
		}
	}
	h.mu.RUnlock()
	all.Wait()
}

func (h *Hub) apply(change secret.Change) {
	h.each(func(root secret.Dir) bool {
		return root.Contains(change.Dir) || change.Deep && change.Dir.Contains(root)
	}, func(r *rooms) { r.apply(change) })
}

func (h *Hub) touched(dirs []secret.Dir) {
	h.each(func(root secret.Dir) bool {
		for _, dir := range dirs {
			if root.Contains(dir) {
				return true
			}
		}
		return false
	}, func(r *rooms) { r.touched(dirs) })
}

// held reports whether somebody holds what a mount has shown of dir.
func (h *Hub) held(dir secret.Dir) bool {
	h.mu.RLock()
	var over []*rooms
	for r, m := range h.mounts {
		if m.root.Contains(dir) {
			over = append(over, r)
		}
	}
	h.mu.RUnlock()
	for _, r := range over {
		if r.held(dir) {
			return true
		}
	}
	return false
}
