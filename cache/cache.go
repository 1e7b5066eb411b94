// Package cache stands between the file system and the server. It answers from
// snapshots while they are fresh, lets any number of callers share one request,
// shows what it has while the server cannot be reached, and shows nothing more
// once the server says no.
//
// How a call goes: next decides under the lock what to do; if that is to wait
// for a flight (one request to the server), the caller waits for it and settle
// says what its outcome means to this caller. What it means to everybody is
// decided once per flight, in land.
package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Cache is a [secret.Source] over a [secret.Upstream]. It never asks the
// server on its own account: without a caller there are no requests.
type Cache struct {
	up  secret.Upstream
	cfg Config

	ctx    context.Context // of all flights, ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // flights

	// mu guards everything below, and the fields of entries and flights that
	// say so. No request, callback or log line happens while it is held.
	mu     sync.Mutex
	closed bool
	store  store
	notes  map[secret.Dir]*note   // by environment: what bulk requests need to know
	fetch  map[secret.Dir]*flight // by folder: requests for it alone
	trees  map[*flight]bool       // bulk requests under way
	outage outage
	ban    ban
	news   news
	stats  Stats

	// clock counts the events that make earlier requests worthless. A flight
	// notes it when it is born.
	clock   uint64
	expired uint64 // clock of the last Expire: what was born before is stale
	purged  uint64 // clock of the last purge of everything: what was born before is void
}

var _ secret.Source = (*Cache)(nil)

// New returns an empty Cache. The caller closes it, and closes up afterwards.
func New(up secret.Upstream, cfg Config) *Cache {
	c := &Cache{
		up:    up,
		cfg:   cfg.withDefaults(),
		notes: map[secret.Dir]*note{},
		fetch: map[secret.Dir]*flight{},
		trees: map[*flight]bool{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.store.init(c.cfg, c.sweep)
	return c
}

// query is one call of Folder. Its fields belong to the caller's goroutine.
type query struct {
	dir    secret.Dir
	need   secret.Need
	after  uint64 // answers of flights born before this clock are too old
	noTree bool   // a bulk request did not settle it
	waited bool   // for a flight: not a hit
}

// bulk reports whether a bulk answer may serve q.
func (q *query) bulk() bool { return q.need != secret.NeedProof && !q.noTree }

// step is what next tells a caller to do: return folder or err, or wait.
type step struct {
	folder *secret.Folder
	err    error
	flight *flight
	// patience is how long to wait for flight, which is forever unless there
	// is something to show instead.
	patience time.Duration
	hasStale bool
}

// maxTurns bounds the flights that one call waits for: a bulk request, the
// folder itself, and again for each purge or Expire that came in between.
const maxTurns = 6

// Folder implements [secret.Source]. Answers may be up to TTL old; during an
// outage they may be older and are marked [secret.Folder.Stale]. It returns
// ctx's error as soon as ctx ends, else the server's error.
func (c *Cache) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	q := &query{dir: dir, need: need}
	for range maxTurns {
		s := c.next(q)
		if s.flight == nil {
			return s.folder, s.err
		}
		q.waited = true
		switch s.flight.wait(ctx, s) {
		case left:
			return nil, ctx.Err()
		case slow:
			if folder := c.giveUpWaiting(q); folder != nil {
				return folder, nil
			}
		case landed:
			if folder, err, ok := c.settle(q, s.flight); ok {
				return folder, err
			}
		}
	}
	return nil, fmt.Errorf("%s: answers are overtaken by events, try again: %w", dir, secret.ErrUnavailable)
}

// next decides how q goes on. A flight that it returns counts the caller as
// waiting.
func (c *Cache) next(q *query) step {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.closed {
		return step{err: errClosed}
	}
	if !q.waited {
		q.after = c.expired
	}
	if c.ban.holds(now) {
		return step{err: c.ban.err}
	}
	e := c.store.use(q.dir, now)
	if err := e.refused(now); err != nil {
		return step{err: err}
	}
	shown := c.show(e, q.need, now)
	if shown != nil && !shown.Stale {
		if !q.waited {
			c.stats.Hits++
		}
		return step{folder: shown}
	}
	if shown != nil && (e.retry.rests(now) || c.outage.rests(now)) {
		c.stats.Stale++
		return step{folder: shown}
	}
	if shown == nil {
		if err := c.recentFailure(e, now); err != nil {
			return step{err: err}
		}
	}
	if !q.waited {
		c.stats.Misses++
	}
	f := c.board(q, e, now)
	if shown == nil {
		return step{flight: f}
	}
	c.outage.probeWith(f)
	return step{flight: f, hasStale: true, patience: f.began.Add(c.cfg.SoftDeadline).Sub(now)}
}

// giveUpWaiting returns the stale snapshot instead of waiting longer, or nil if
// there is none any more.
func (c *Cache) giveUpWaiting(q *query) *secret.Folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.outage.late(now)
	return c.showLate(q, now)
}

// settle says what the landed flight means to q; not ok: it settled nothing,
// look again.
func (c *Cache) settle(q *query, f *flight) (folder *secret.Folder, err error, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed:
		return nil, errClosed, true
	case f.born < c.purged || f.born < q.after:
		return nil, nil, false
	case f.tree && bulkOnly(f.err):
		q.noTree = true
		return nil, nil, false
	case f.err == nil:
		aged := f.completes() && !now.Before(f.folder.Fetched.Add(c.cfg.TTL))
		return f.folder, nil, c.enough(f.folder, q.need) && !aged
	case decided(f.err):
		return nil, f.err, true
	}
	if f.tree {
		c.store.use(q.dir, now).fail(now, f.err)
	}
	if folder := c.showLate(q, now); folder != nil {
		return folder, nil, true
	}
	return nil, f.err, true
}

// showLate returns what may be shown although the server did not answer.
func (c *Cache) showLate(q *query, now time.Time) *secret.Folder {
	folder := c.show(c.store.use(q.dir, now), q.need, now)
	if folder != nil && folder.Stale {
		c.stats.Stale++
	}
	return folder
}

// Expire makes everything stale from now on and drops nothing: the next caller
// of each folder has the server asked. What was remembered of failures,
// absences and denials is forgotten.
func (c *Cache) Expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	c.expired = c.clock
	c.ban = ban{}
	c.outage.rested()
	clear(c.notes)
	c.store.forgetErrors()
}

// Close ends all requests, waits for them and forgets everything. Calls from
// then on fail with [secret.ErrUnavailable].
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.store.clear()
	c.mu.Unlock()
	c.cancel()
	c.wg.Wait()
}

// sweep drops what nobody used for long. The store's timer calls it.
func (c *Cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store.removeIdle(time.Now())
}

var errClosed = fmt.Errorf("the cache is closed: %w", secret.ErrUnavailable)

// decided reports whether err is the server's decision, which no snapshot may
// contradict, as opposed to our not getting through to it.
func decided(err error) bool {
	return errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrUnauthenticated)
}
