package cache

import (
	"context"
	"errors"
	"slices"

	"infisicalfs/secret"
)

// outbox is what OnChange is to be told once no lock is held. What takes something
// away does not wait for what shows something, so there are two queues. [Cache.mu]
// guards them.
type outbox struct {
	revocations queue // what may not be shown any longer
	changes     queue // other changes
}

// queue is notices on their way out. They are delivered one at a time, in order, by a
// goroutine that lives as long as there are any.
type queue struct {
	notices    []*notice
	delivering bool // the goroutine is there
	afterClose bool // what is left is delivered when the cache is closed
}

// notice is one call of a function that is not ours.
type notice struct {
	change    secret.Change // of the outbox
	deliver   func()
	after     *notice       // has to be delivered before; may be nil
	delivered chan struct{} // closed afterwards
}

// notify queues what OnChange is to be told. A revocation makes what it is all about
// needless to tell, and overtakes the rest; what comes after it is told after it.
func (c *Cache) notify(change secret.Change) {
	o := &c.outbox
	n := &notice{change: change, deliver: func() { c.cfg.OnChange(change) }}
	switch {
	case change.Err != nil:
		o.changes.notices = slices.DeleteFunc(o.changes.notices, func(old *notice) bool { return covered(change, old.change) })
		c.enqueue(&o.revocations, n)
	case hidesMore(change) && !o.changes.concerns(change.Dir):
		c.enqueue(&o.revocations, n)
	default:
		n.after = o.lastRevocation()
		c.enqueue(&o.changes, n)
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

// concerns reports whether something about dir waits, or may be being delivered.
func (q *queue) concerns(dir secret.Dir) bool {
	return q.delivering && len(q.notices) == 0 || slices.ContainsFunc(q.notices, func(n *notice) bool {
		return n.change.Dir == dir || n.change.Deep && n.change.Dir.Contains(dir)
	})
}

// lastRevocation returns the last one that is not delivered yet.
func (o *outbox) lastRevocation() *notice {
	if len(o.revocations.notices) == 0 {
		return nil
	}
	return o.revocations.notices[len(o.revocations.notices)-1]
}

// revocation is what a caller who gets err has to wait for if it denies something: that those who
// show what he may not see have heard of it. Nil: nothing.
func (c *Cache) revocation(err error) *notice {
	if errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrUnauthenticated) {
		return c.outbox.lastRevocation()
	}
	return nil
}

// await returns when n, which may be nil, was delivered, or when ctx or the cache
// ends.
func (c *Cache) await(ctx context.Context, n *notice) {
	if n == nil {
		return
	}
	select {
	case <-n.delivered:
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
}

// enqueue adds a notice to a queue, whose goroutine finds it. A caller may be a
// request of the kernel's, and those must not be held up by notifications to the
// kernel: so no caller delivers anything himself.
func (c *Cache) enqueue(q *queue, n *notice) {
	n.delivered = make(chan struct{})
	q.notices = append(q.notices, n)
	if !q.delivering && !c.closed {
		q.delivering = true
		c.wg.Go(func() { c.deliverAll(q) })
	}
}

// deliverAll delivers what is in a queue until there is nothing more.
func (c *Cache) deliverAll(q *queue) {
	for n := c.nextNotice(q); n != nil; n = c.nextNotice(q) {
		c.await(c.ctx, n.after)
		n.deliver()
		c.delivered(q, n)
	}
}

// nextNotice returns what is to be delivered now. It stays in the queue until it was.
func (c *Cache) nextNotice(q *queue) *notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(q.notices) == 0 || c.closed && !q.afterClose {
		q.notices, q.delivering = nil, false
		return nil
	}
	return q.notices[0]
}

func (c *Cache) delivered(q *queue, n *notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(q.notices, n); i >= 0 { // else a revocation made it needless meanwhile
		q.notices = slices.Delete(q.notices, i, i+1)
	}
	close(n.delivered)
}
