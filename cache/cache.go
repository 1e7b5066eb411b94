// Package cache stands between the file system and the server. It answers from
// snapshots while they are fresh, lets any number of callers share one request,
// shows what it has while the server cannot be reached, and shows nothing more
// once the server says no.
//
//	c := cache.New(upstream, cache.Config{OnChange: invalidate})
//	defer c.Close()
//	folder, err := c.Folder(ctx, dir, secret.NeedEntry)
//	writer := c.Writer(upstreamWriter) // if anything may be changed
//
// A folder that [Cache.Folder] returns is immutable and the caller's for as long as
// he likes. The Upstream belongs to whoever made it, and outlives the Cache.
//
// How a call goes: next (query.go) decides under the lock what to do; if that is to
// wait for a flight (one request to the server), the caller waits for it and answer
// says what its outcome means to this caller. What it means to everybody is
// decided once per flight, in complete (complete.go). When a snapshot is fresh, stale
// or of no use is decided in stale.go.
package cache

import (
	"context"
	"fmt"
	"sync"
	"time"

	"infisicalfs/cache/internal/refgraph"
	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// Cache is a [secret.Source] over a [secret.Upstream]. On its own account it asks
// the server only for folders that it watches.
type Cache struct {
	up  secret.Upstream
	cfg Config

	ctx    context.Context // of all flights, ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // flights, surveys, and what delivers notices

	// mu guards everything below, and the fields of entries and flights that
	// say so. No request, callback or log line happens while it is held.
	mu          sync.Mutex
	closed      bool
	store       store
	roots       map[secret.Dir]int     // below which callers may ask, and how many do
	bulk        map[secret.Dir]*bulk   // by area: what decides about bulk requests
	fetch       map[secret.Dir]*flight // by folder: requests for it alone
	bulkFlights map[*flight]bool       // bulk requests under way
	outage      outage
	ban         ban
	outbox      outbox // what OnChange is to be told
	lines       lines  // what is to be logged
	watch       watch
	stats       Stats

	graphs  map[string]*refgraph.Graph // by project: what stored values refer to
	surveys map[secret.Dir]*survey     // under way, by where they begin
	dates   snapshot.Dates             // of secrets that the server gives none
	changes uint64                     // counts changes of ours to secrets
	flights uint64                     // counts flights

	// clock counts the events that make earlier requests worthless. A flight
	// notes it when it is born.
	clock   uint64
	expired uint64 // clock of the last Expire: what was born before is stale
	purged  uint64 // clock of the last purge of everything: what was born before shows nothing
}

var _ secret.Source = (*Cache)(nil)

// New returns an empty Cache. The caller closes it, and closes up afterwards.
func New(up secret.Upstream, cfg Config) *Cache {
	c := &Cache{
		up:          up,
		cfg:         cfg.withDefaults(),
		roots:       map[secret.Dir]int{},
		bulk:        map[secret.Dir]*bulk{},
		fetch:       map[secret.Dir]*flight{},
		bulkFlights: map[*flight]bool{},

		graphs:  map[string]*refgraph.Graph{},
		surveys: map[secret.Dir]*survey{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.lines.afterClose = true
	if !cfg.Parts {
		c.roots[cfg.Root] = 1
	}
	c.watch.interval = c.cfg.WatchInterval
	c.store.init(c.cfg, c.sweep)
	return c
}

// maxTurns bounds the flights that one call waits for: a bulk request, the
// folder itself, a survey or two, and again for each purge or Expire that came in
// between.
const maxTurns = 8

// Folder implements [secret.Source]. Answers may be up to TTL old; during an
// outage they may be older and are marked [secret.Folder.Stale]. It returns
// ctx's error as soon as ctx ends, else the Upstream's: [secret.ErrNotFound],
// [secret.ErrDenied] and [secret.ErrUnauthenticated] whatever is retained, any other
// only if nothing may stand in. [secret.ErrUnavailable] is also that of a closed
// Cache.
func (c *Cache) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	return c.folder(ctx, &query{part: c.whole(), dir: dir, need: need})
}

// Fresh implements [secret.Keeper].
func (c *Cache) Fresh(dir secret.Dir, need secret.Need) *secret.Folder {
	return c.fresh(&query{part: c.whole(), dir: dir, need: need})
}

func (c *Cache) folder(ctx context.Context, q *query) (*secret.Folder, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for range maxTurns {
		s := c.next(q)
		if s.survey != nil {
			select {
			case <-s.survey.done:
				q.waited = true
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if s.flight == nil {
			c.await(ctx, s.after)
			return s.folder, s.err
		}
		q.waited = true
		switch s.flight.wait(ctx, s) {
		case canceled:
			return nil, ctx.Err()
		case tooSlow:
			if folder := c.afterSoftDeadline(q); folder != nil {
				return folder, nil
			}
		case completed:
			if folder, err, ok := c.answer(q, s.flight); ok {
				return folder, err
			}
		}
	}
	return nil, fmt.Errorf("%s: answers are overtaken by events, try again: %w", q.dir, secret.ErrUnavailable)
}

// Close ends all requests, waits for them and forgets everything. Calls from
// then on fail with [secret.ErrUnavailable]. It waits no longer than closeWaits
// for what does not end by itself: an OnChange, a Held or a log that hangs, or an
// upstream that ignores its context.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.store.clear()
	c.watch.stop()
	c.mu.Unlock()
	c.cancel()
	ended := make(chan struct{})
	go func() {
		c.wg.Wait()
		close(ended)
	}()
	timeout := time.NewTimer(closeWaits)
	defer timeout.Stop()
	select {
	case <-ended:
	case <-timeout.C:
	}
}

const closeWaits = 2 * time.Second

var errClosed = fmt.Errorf("the cache is closed: %w", secret.ErrUnavailable)
