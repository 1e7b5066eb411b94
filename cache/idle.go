package cache

import (
	"runtime/debug"
	"slices"
	"time"
)

// giveBack is how many bytes have to be dropped for the memory to go back to the
// system, and for the values in it to be wiped, there and then. Less is left to
// the garbage collector, which takes minutes in a process that does nothing.
const giveBack = 1 << 20

// sweep drops what nobody used for long. The store's timer calls it.
func (c *Cache) sweep() { c.dropping(c.sweepIdle) }

// dropping gives back the memory of what drop drops.
func (c *Cache) dropping(drop func()) {
	before := c.Stats().Bytes
	drop()
	if before-c.Stats().Bytes >= giveBack {
		debug.FreeOSMemory()
	}
}

// sweepIdle is sweep's work. What was watched until now is dropped only if
// nobody holds it.
func (c *Cache) sweepIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	ended := c.store.removeIdle(time.Now(), c.watchLife)
	c.forgetUnusedGraphs()
	if c.cfg.Held == nil {
		for _, e := range ended {
			c.store.remove(e)
		}
		return
	}
	ended = slices.DeleteFunc(ended, func(e *entry) bool { return e.askingHolders })
	for _, e := range ended {
		e.askingHolders = true
	}
	if len(ended) > 0 {
		c.wg.Go(func() { c.dropping(func() { c.askHolders(ended) }) })
	}
}

// askHolders asks for each of the entries whether somebody holds it, which
// counts as use.
func (c *Cache) askHolders(ended []*entry) {
	for _, e := range ended {
		if c.ctx.Err() != nil {
			return
		}
		c.holdersAnswered(e, c.cfg.Held(e.dir))
	}
}

func (c *Cache) holdersAnswered(e *entry, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	e.askingHolders = false
	switch {
	case c.closed || c.store.entries[e.dir] != e:
	case held:
		c.watchOver(c.store.use(e.dir, now), now)
	case !c.watched(e, now): // nor was it used meanwhile
		c.store.remove(e)
	}
}
