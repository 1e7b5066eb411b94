package transport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Gate is the one place where requests to a server wait for its rate limit.
// Servers count per client address in fixed windows of a minute, 40 to 60
// requests for most things, and tell what is left with every answer. The gate
// knows nothing until told; then it keeps people waiting rather than refused,
// and lets background work have half of a window, and not its last quarter.
type Gate struct {
	mu       sync.Mutex // guards all below and what is in them; never held while waiting
	buckets  map[string]*bucket
	waits    int64
	reopened chan struct{} // closed by the next call of reopen
}

// window is how long a server counts; its answers tell how much of it is left.
const window = time.Minute

// bucket is what the server counts together: a class of routes, or one route.
type bucket struct {
	limit, remaining int       // limit zero: not told
	reset            time.Time // when remaining becomes limit again
	blocked          time.Time // refused until then

	sent       int       // by us in this window
	background int       // of those, by background work
	crowded    time.Time // until then others are known to use much of it
}

// NewGate returns one that knows nothing of its server yet.
func NewGate() *Gate { return &Gate{buckets: map[string]*bucket{}, reopened: make(chan struct{})} }

// wait returns when a request of this class may be sent. A wait that would outlast
// what ctx's operation may wait fails at once: waiting in vain helps nobody.
// Background work does not wait at all; whether it is background is asked anew each
// time, because people leave and come while it waits.
func (g *Gate) wait(ctx context.Context, class string) error {
	clock := deadlineOf(ctx)
	for {
		d, reopened := g.take(class, secret.IsBackground(ctx))
		if d <= 0 {
			return nil
		}
		// Spread those who wait, or they all arrive in the window's first instant.
		spread := time.Duration(rand.Int64N(int64(100 * time.Millisecond)))
		if secret.IsBackground(ctx) || clock == nil || !clock.pause(d+spread) {
			return fmt.Errorf("the server's limit is reached for another %s: %w", d.Round(time.Second), secret.ErrRateLimited)
		}
		err := sleepUnless(ctx, d+spread, reopened)
		clock.resume()
		if err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error { return sleepUnless(ctx, d, nil) }

// sleepUnless returns early, and without an error, if woken is closed.
func sleepUnless(ctx context.Context, d time.Duration, woken <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reopen forgets how long the server wants to be left alone: of each kind one
// request may be sent, also by those who wait already, and its answer counts.
func (g *Gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.buckets {
		b.blocked, b.remaining = time.Time{}, max(b.remaining, 1)
	}
	close(g.reopened)
	g.reopened = make(chan struct{})
}

// take takes one request out of the budget and returns zero, or returns how
// long to wait before trying again, at most until the channel is closed.
func (g *Gate) take(class string, background bool) (time.Duration, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.takeLocked(class, background), g.reopened
}

// takeLocked is take for who holds the lock.
func (g *Gate) takeLocked(class string, background bool) time.Duration {
	b, now := g.buckets[class], time.Now()
	if b == nil {
		return 0
	}
	if wait := b.blocked.Sub(now); wait > 0 {
		g.waits++
		return wait
	}
	if b.limit == 0 {
		return 0
	}
	if !now.Before(b.reset) {
		// A new window. Until its first answer tells more it is taken to be like
		// the last, so that those who waited do not all go at once.
		b.remaining, b.reset = b.limit, now.Add(window)
		b.sent, b.background = 0, 0
	}
	if b.remaining <= 0 || background && (b.remaining <= b.limit/4 || b.background >= b.limit/2) {
		g.waits++
		return b.reset.Sub(now)
	}
	b.remaining--
	b.sent++
	if background {
		b.background++
	}
	return 0
}

// learn takes in what an answer tells about the budget. The request was sent at
// the time began.
func (g *Gate) learn(class string, r *Response, began time.Time) {
	now := time.Now()
	said, ok := budgetOf(r.header, now)
	limited := isRateLimited(r)
	if !ok && !limited {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.buckets[class]
	if b == nil {
		b = &bucket{}
		g.buckets[class] = b
	}
	if ok {
		b.update(said, began, now)
	}
	if limited {
		b.blocked = now.Add(retryAfter(r.header, now))
	}
	if limited && !ok || ok && b.isShared(said) {
		b.crowded = now.Add(window)
	}
}

// isShared reports whether this window's limit is used by others too, and what all together
// have used comes to more than half of it by the window's end. So all who share a limit see the
// same and give way alike: if each looked at the others only, who asks often would see little,
// never give way, and keep the rest from asking at all. In a window's first quarter little
// can be said.
func (b *bucket) isShared(said budget) bool {
	used := b.limit - said.remaining
	gone := max(window-said.left, window/4)
	return used > b.sent && used*2*int(window.Seconds()) > b.limit*int(gone.Seconds())
}

// isCrowded reports whether an answer of the last minute said that others use
// much of the limit, or the server refused what the gate let through.
func (g *Gate) isCrowded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for _, b := range g.buckets {
		if now.Before(b.crowded) {
			return true
		}
	}
	return false
}

// update takes in what an answer said. Answers overtake each other, so within a
// window only a smaller number counts; a window that ends later than the known one, even
// if the answer took no time and the seconds were rounded up, is another.
func (b *bucket) update(said budget, began, now time.Time) {
	reset := now.Add(said.left)
	if said.limit != b.limit || began.Add(said.left-time.Second).After(b.reset) {
		b.limit, b.remaining, b.reset = said.limit, said.remaining, reset
		b.sent, b.background = 1, 0
		return
	}
	b.remaining = min(b.remaining, said.remaining)
	if reset.Before(b.reset) {
		b.reset = reset
	}
}
