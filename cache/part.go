package cache

import (
	"context"
	"fmt"
	"time"

	"infisicalfs/internal/duration"
	"infisicalfs/secret"
)

// Part is what one of several that share a [Cache] sees of it: a folder and all that is
// below it, which it may want to be newer than the others do. It is a [secret.Source].
// Close it at the end; the Cache goes on.
type Part struct {
	cache         *Cache
	root          secret.Dir
	ttl, maxStale time.Duration
	closed        bool // guarded by [Cache.mu]
}

var _ secret.Keeper = (*Part)(nil)

// Part returns the part of the cache at and below root. No bulk request is made on its
// account for what is above root. The durations are as in [Config]; a longer one than
// the cache's own, or zero, means the cache's own.
func (c *Cache) Part(root secret.Dir, ttl, maxStale time.Duration) *Part {
	p := &Part{
		cache: c, root: root,
		ttl:      min(duration.OrDefault(ttl, c.cfg.TTL), c.cfg.TTL),
		maxStale: min(duration.OrDefault(maxStale, c.cfg.MaxStale), c.cfg.MaxStale),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roots[root]++
	return p
}

// Folder is [Cache.Folder] for what the part has. Anything else is [secret.ErrInvalid].
func (p *Part) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	if !p.root.Contains(dir) {
		return nil, fmt.Errorf("%s is not below %s: %w", dir, p.root, secret.ErrInvalid)
	}
	return p.cache.folder(ctx, &query{part: p, dir: dir, need: need})
}

// Fresh is [Cache.Fresh] for what the part has, and nil for anything else.
func (p *Part) Fresh(dir secret.Dir, need secret.Need) *secret.Folder {
	if !p.root.Contains(dir) {
		return nil
	}
	return p.cache.fresh(&query{part: p, dir: dir, need: need})
}

// Close forgets what no other part has. Calls of Folder fail from then on.
func (p *Part) Close() {
	c := p.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	if c.roots[p.root]--; c.roots[p.root] > 0 {
		return
	}
	delete(c.roots, p.root)
	for dir, e := range c.store.entries {
		if _, ok := c.rootOver(dir); !ok && p.root.Contains(dir) {
			c.store.remove(e)
		}
	}
}

// whole is the part of callers of the Cache itself.
func (c *Cache) whole() *Part {
	return &Part{cache: c, root: c.cfg.Root, ttl: c.cfg.TTL, maxStale: c.cfg.MaxStale}
}

// newEnough returns what the part may show of a snapshot that the cache would show:
// marked Stale beyond the part's own TTL, nil beyond its MaxStale.
func (p *Part) newEnough(snap *secret.Folder, now time.Time) *secret.Folder {
	switch {
	case snap == nil || now.Before(snap.Fetched.Add(p.ttl)):
		return snap
	case !now.Before(snap.Fetched.Add(p.ttl + p.maxStale)):
		return nil
	}
	return snap.With(func(f *secret.Folder) { f.Stale = true })
}

// rootOver returns the topmost of the folders that callers may ask below and that has
// dir, if there is one: [Config.Root], and those of the parts. [Cache.mu] is held.
func (c *Cache) rootOver(dir secret.Dir) (root secret.Dir, ok bool) {
	for at := dir; ; at = at.Parent() {
		if c.roots[at] > 0 {
			root, ok = at, true
		}
		if at == (secret.Dir{}) {
			return root, ok
		}
	}
}

// area returns what folders are counted together under, to see whether a bulk request
// is worth it: the environment, or what is shown of it.
func (c *Cache) area(dir secret.Dir) secret.Dir {
	if root, ok := c.rootOver(dir); ok && root.IsFolder() {
		return root
	}
	return environment(dir)
}
