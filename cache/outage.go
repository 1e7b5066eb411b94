package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"infisicalfs/secret"
)

// backoff spaces out attempts: 1 s after the first failure, doubling to 30 s.
type backoff struct {
	failures int
	until    time.Time
}

func (b *backoff) rests(now time.Time) bool { return now.Before(b.until) }

// fail counts a failure, unless it belongs to the one that is resting already.
func (b *backoff) fail(now time.Time) {
	if b.rests(now) {
		return
	}
	b.until = now.Add(min(time.Second<<min(b.failures, 5), 30*time.Second))
	b.failures++
}

// outage is what requests for different folders tell one another, so that a
// walk over a thousand stale folders does not wait for each. [Cache.mu] guards it.
type outage struct {
	since    time.Time // zero: the server answers
	dir      secret.Dir
	err      error // of the last failure, for dir; nil: it is slow, so far
	failedAt time.Time
	wide     bool    // more than one directory has failed
	retry    backoff // until then stale snapshots are shown without a request
	probe    *flight // the request that finds out whether it is over
}

// rests reports whether the server should be left alone where there is
// something to show.
func (o *outage) rests(now time.Time) bool {
	return o.retry.rests(now) || o.probe != nil
}

// down reports whether it was found out that the server does not answer, as
// opposed to its being slow.
func (o *outage) down() bool { return away(o.err) }

// probeWith makes f the one attempt for all, if this is an outage.
func (o *outage) probeWith(f *flight) {
	if !o.since.IsZero() && o.probe == nil {
		o.probe = f
	}
}

func (o *outage) completed(f *flight) {
	if o.probe == f {
		o.probe = nil
	}
}

// late notes that the server keeps people waiting.
func (o *outage) late(now time.Time) {
	if o.since.IsZero() {
		o.since = now
	}
	o.retry.fail(now)
}

// retryNow lets the next caller try again.
func (o *outage) retryNow() {
	o.retry, o.probe, o.failedAt = backoff{}, nil, time.Time{}
}

// failed notes that f did not get through to the server. Failures that are not
// about reaching it concern f's folder only.
func (c *Cache) failed(f *flight, now time.Time) {
	if !unreachable(f.err) {
		return
	}
	o := &c.outage
	if o.err == nil || away(f.err) && !away(o.err) {
		what := "the server does not answer, showing what is known"
		if !away(f.err) {
			what = "the rate limit is reached, showing what is known"
		}
		c.log(slog.LevelWarn, what, "dir", f.dir.String(), "err", f.err)
	}
	if o.err != nil && o.dir != f.dir {
		o.wide = true
	}
	if o.since.IsZero() {
		o.since = now
	}
	o.dir, o.err, o.failedAt = f.dir, f.err, now
	o.retry.fail(now)
}

// reached notes that the server answered.
func (c *Cache) reached(now time.Time) {
	if c.outage.err != nil {
		c.log(slog.LevelInfo, "the server answers again", "after", now.Sub(c.outage.since).Round(time.Second))
	}
	c.outage = outage{}
}

// recentFailure returns the error for a caller to whom nothing can be shown, if
// the server was asked a moment ago. One folder's failure says nothing about
// the others; two folders' failures do.
func (c *Cache) recentFailure(e *entry, now time.Time) error {
	memory := failureMemory
	if errors.Is(e.failure, secret.ErrTooLarge) {
		memory = max(memory, c.cfg.TTL) // the server did answer, and finding out costs as much each time
	}
	if e.failure != nil && now.Before(e.failedAt.Add(memory)) {
		return e.failure
	}
	o := &c.outage
	if o.wide && now.Before(o.failedAt.Add(failureMemory)) {
		return fmt.Errorf("%s: not asked for, as %s failed a moment ago: %w", e.dir, o.dir, o.err)
	}
	return nil
}

// unreachable reports whether err is about the server rather than the folder.
func unreachable(err error) bool {
	return errors.Is(err, secret.ErrUnavailable) || errors.Is(err, secret.ErrTimeout) ||
		errors.Is(err, secret.ErrRateLimited) || errors.Is(err, context.DeadlineExceeded)
}

// away reports whether err says that the server does not answer: a rate limit
// is an answer.
func away(err error) bool { return unreachable(err) && !errors.Is(err, secret.ErrRateLimited) }

// isVerdict reports whether err is the server's decision, which no snapshot may
// contradict, as opposed to our not getting through to it.
func isVerdict(err error) bool {
	return errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrUnauthenticated)
}
