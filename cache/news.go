package cache

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"infisicalfs/secret"
)

// news is what is to be told to the outside once no lock is held. There are three
// ways out, so that nothing waits for what it has nothing to do with: what takes
// something away does not wait for what shows something, and neither for a log
// that nobody reads. [Cache.mu] guards all fields.
type news struct {
	taken   lane // what may not be shown any longer
	changed lane // other changes
	logged  lane // log lines
	dropped int  // log lines that there was no room for
}

// lane is one way out: its pieces are told one at a time, in order, by a goroutine
// that lives as long as there are any.
type lane struct {
	queue []*piece
	busy  bool // the goroutine is there
}

// piece is one thing to tell.
type piece struct {
	change secret.Change // of the first two lanes
	tell   func()
	after  *piece        // has to be told before; may be nil
	told   chan struct{} // closed when it was told
}

// maxLines bounds the log lines that wait for a log that is slow.
const maxLines = 1000

// change queues what OnChange is to be told. What a denial takes away needs no
// news of how it was before, and later news come after it.
func (c *Cache) change(change secret.Change) {
	n := &c.news
	p := &piece{change: change, tell: func() { c.cfg.OnChange(change) }, after: n.lastTaken()}
	switch {
	case change.Err != nil:
		n.changed.queue = slices.DeleteFunc(n.changed.queue, func(old *piece) bool { return covered(change, old.change) })
		p.after = nil
		c.queue(&n.taken, p)
	case hidesMore(change) && !n.changed.concerns(change.Dir):
		p.after = nil
		c.queue(&n.taken, p)
	default:
		c.queue(&n.changed, p)
	}
}

// covered reports whether a denial says all about what old is about.
func covered(denial, old secret.Change) bool {
	return denial.Deep && denial.Dir.Contains(old.Dir) || denial.Dir == old.Dir && !old.Deep
}

// hidesMore reports whether a change takes a value away.
func hidesMore(change secret.Change) bool {
	if change.New == nil || change.Old == nil {
		return false
	}
	for i := range change.New.Secrets {
		if s := &change.New.Secrets[i]; s.Hidden {
			if before, ok := change.Old.Secret(s.Name); ok && !before.Hidden {
				return true
			}
		}
	}
	return false
}

// concerns reports whether something about dir waits, or may be being told.
func (l *lane) concerns(dir secret.Dir) bool {
	return l.busy && len(l.queue) == 0 || slices.ContainsFunc(l.queue, func(p *piece) bool {
		return p.change.Dir == dir || p.change.Deep && p.change.Dir.Contains(dir)
	})
}

// lastTaken returns the last piece of the lane that takes away, unless it was told.
func (n *news) lastTaken() *piece {
	if len(n.taken.queue) == 0 {
		return nil
	}
	return n.taken.queue[len(n.taken.queue)-1]
}

// log queues a line. If the log takes none for long, lines are counted instead.
func (c *Cache) log(level slog.Level, text string, args ...any) {
	n := &c.news
	if len(n.logged.queue) >= maxLines {
		n.dropped++
		return
	}
	if n.dropped > 0 {
		args = append(args, "lines_dropped_before", n.dropped)
		n.dropped = 0
	}
	c.queue(&n.logged, &piece{tell: func() { c.cfg.Log.Log(context.Background(), level, text, args...) }})
}

// queue adds a piece to a lane, whose goroutine finds it. A caller may be a
// request of the kernel's, and those must not be held up by news to the kernel:
// so no caller tells anything himself.
func (c *Cache) queue(l *lane, p *piece) {
	p.told = make(chan struct{})
	l.queue = append(l.queue, p)
	if !l.busy && !c.closed {
		l.busy = true
		c.wg.Go(func() { c.deliver(l) })
	}
}

// deliver tells what is in a lane until there is nothing more.
func (c *Cache) deliver(l *lane) {
	for p := c.nextPiece(l); p != nil; p = c.nextPiece(l) {
		c.hear(c.ctx, p.after)
		p.tell()
		c.wasTold(l, p)
	}
}

// nextPiece returns what is to be told now. It stays in the queue until it was. Of
// a cache that is closed only the log is of interest.
func (c *Cache) nextPiece(l *lane) *piece {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(l.queue) == 0 || c.closed && l != &c.news.logged {
		l.queue, l.busy = nil, false
		return nil
	}
	return l.queue[0]
}

func (c *Cache) wasTold(l *lane, p *piece) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.drop(p)
	close(p.told)
}

// drop takes a piece out, if it is there still.
func (l *lane) drop(p *piece) {
	if i := slices.Index(l.queue, p); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

// denied is what a caller who is refused with err has to wait for: that those who
// show what he may not see have heard of it. Nil: nothing.
func (c *Cache) denied(err error) *piece {
	if errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrUnauthenticated) {
		return c.news.lastTaken()
	}
	return nil
}

// hear returns when p, which may be nil, was told, or when ctx or the cache ends.
func (c *Cache) hear(ctx context.Context, p *piece) {
	if p == nil {
		return
	}
	select {
	case <-p.told:
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
}
