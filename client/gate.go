package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"infisicalfs/secret"
)

// gate is the one place where requests to a server wait for its rate limit.
// Servers count per client address in fixed windows of a minute, 40 to 60
// requests for most things, and tell what is left with every answer. The gate
// knows nothing until told; then it keeps people waiting rather than refused,
// and lets background work use three quarters of the window only.
type gate struct {
	patience time.Duration // the longest wait; beyond it the answer is ErrRateLimited

	mu      sync.Mutex // guards buckets and what is in them; never held while waiting
	buckets map[string]*bucket
	waits   int64
}

// bucket is what the server counts together: a class of routes, or one route.
type bucket struct {
	limit, remaining int
	reset            time.Time // when remaining becomes limit again; zero: nothing known
	blocked          time.Time // refused until then
}

func newGate(patience time.Duration) *gate {
	return &gate{patience: patience, buckets: map[string]*bucket{}}
}

// wait returns when a request of this class may be sent. A wait that would
// outlast the caller's patience fails at once: waiting in vain helps nobody.
// Background work does not wait at all.
func (g *gate) wait(ctx context.Context, class string) error {
	background := secret.IsBackground(ctx)
	patience := time.Now().Add(g.patience)
	for {
		d := g.take(class, background)
		if d <= 0 {
			return nil
		}
		if background || time.Now().Add(d).After(patience) {
			return fmt.Errorf("the server's limit is reached for another %s: %w", d.Round(time.Second), secret.ErrRateLimited)
		}
		// Spread those who wait, or they all arrive in the window's first instant.
		d += time.Duration(rand.Int64N(int64(100 * time.Millisecond)))
		if err := g.sleep(ctx, d); err != nil {
			return err
		}
	}
}

func (g *gate) sleep(ctx context.Context, d time.Duration) error {
	defer pause(ctx)()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take takes one request out of the budget and returns zero, or returns how
// long to wait before trying again.
func (g *gate) take(class string, background bool) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, now := g.buckets[class], time.Now()
	if b == nil {
		return 0
	}
	if wait := b.blocked.Sub(now); wait > 0 {
		g.waits++
		return wait
	}
	if !now.Before(b.reset) {
		return 0 // a new window, about which the next answer tells
	}
	reserve := 0
	if background {
		reserve = b.limit / 4
	}
	if b.remaining <= reserve {
		g.waits++
		return b.reset.Sub(now)
	}
	b.remaining--
	return 0
}

// learn takes in what an answer tells about the budget.
func (g *gate) learn(class string, r *response) {
	limit, errLimit := strconv.Atoi(r.header.Get("X-Ratelimit-Limit"))
	remaining, errRemaining := strconv.Atoi(r.header.Get("X-Ratelimit-Remaining"))
	seconds, errReset := strconv.ParseFloat(r.header.Get("X-Ratelimit-Reset"), 64)
	told := errLimit == nil && errRemaining == nil && errReset == nil
	limited := isRateLimited(r)
	if !told && !limited {
		return
	}

	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.buckets[class]
	if b == nil {
		b = &bucket{}
		g.buckets[class] = b
	}
	if told {
		reset := now.Add(time.Duration(seconds * float64(time.Second)))
		// Answers overtake each other: within a window only fewer is news.
		if newWindow := b.reset.Before(now); newWindow || remaining < b.remaining {
			b.limit, b.remaining, b.reset = limit, remaining, reset
		}
	}
	if limited {
		b.blocked = now.Add(retryAfter(r.header, now))
	}
}

// isRateLimited recognises the refusal in both its forms: servers of 2024 hide
// the 429 behind a 500 and give themselves away by the Retry-After header.
func isRateLimited(r *response) bool {
	return r.status == http.StatusTooManyRequests ||
		r.status == http.StatusInternalServerError && r.header.Get("Retry-After") != ""
}

// retryAfter reads the header in seconds or as a date; without it the wait is a
// minute, which is the servers' window.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "X-Ratelimit-Reset"} {
		text := h.Get(name)
		if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 {
			return time.Duration(seconds * float64(time.Second))
		}
		if at, err := http.ParseTime(text); err == nil {
			return max(at.Sub(now), 0)
		}
	}
	return time.Minute
}
