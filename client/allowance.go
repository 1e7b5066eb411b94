package client

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"infisicalfs/secret"
)

// Whatever a server sends, the memory for it is bounded, before it is used. An
// answer may have [Config.MaxSecrets] entries; what is kept of all answers to one
// operation may take a KiB for each of so many (or of the default number, if that
// is more); and of one answer so many bytes are read that each entry could be
// twice as long again in JSON. Beyond any of these it is [secret.ErrTooLarge].

// DefaultMaxSecrets is how many entries an answer may have unless
// [Config.MaxSecrets] says otherwise. Nobody keeps so many in one folder.
const DefaultMaxSecrets = 100_000

const (
	keptEach = 1 << 10
	readEach = 5 << 9

	// largeAnswer is the memory for an answer from which on there is only one such
	// at a time.
	largeAnswer = 16 << 20
	// maxSmallAnswer bounds the bytes of an answer that is read as a whole: about a
	// single secret, of a megabyte with six bytes for each if all are escaped, or
	// about projects.
	maxSmallAnswer = 16 << 20
)

func (c *Client) maxKept() int64 { return int64(max(c.cfg.MaxSecrets, DefaultMaxSecrets)) * keptEach }

func (c *Client) maxRead() int64 { return int64(max(c.cfg.MaxSecrets, DefaultMaxSecrets)) * readEach }

// allowance is what one operation may still keep in memory, in bytes. All answers
// to it draw on it.
type allowance struct{ left atomic.Int64 }

type allowanceKey struct{}

func (c *Client) withAllowance(ctx context.Context) context.Context {
	a := &allowance{}
	a.left.Store(c.maxKept())
	return context.WithValue(ctx, allowanceKey{}, a)
}

// holding is what one answer takes of its operation's allowance while it is read.
// It belongs to one goroutine.
type holding struct {
	client *Client
	ctx    context.Context
	from   *allowance
	bytes  int64
	large  bool // it has the turn for large answers
}

func (c *Client) hold(ctx context.Context) *holding {
	from, _ := ctx.Value(allowanceKey{}).(*allowance)
	if from == nil { // part of no operation
		from = &allowance{}
		from.left.Store(c.maxKept())
	}
	return &holding{client: c, ctx: ctx, from: from}
}

// keep accounts for n more bytes. For a large answer it waits until no other is
// being read.
func (h *holding) keep(n int) error {
	h.bytes += int64(n)
	if h.from.left.Add(-int64(n)) < 0 {
		return fmt.Errorf("the server's answer takes more than %d MiB of memory (see --max-secrets): %w", h.client.maxKept()>>20, secret.ErrTooLarge)
	}
	if h.large || h.bytes < largeAnswer {
		return nil
	}
	select {
	case h.client.large <- struct{}{}:
		h.large = true
		return nil
	case <-h.ctx.Done():
		return context.Cause(h.ctx)
	}
}

// end is called when the answer was read, or failed: then nothing of it is kept,
// and if it was large its memory is looked for at once, as the collector does not
// see what values take.
func (h *holding) end(failed bool) {
	if failed {
		h.from.left.Add(h.bytes)
	}
	if !h.large {
		return
	}
	if failed {
		runtime.GC()
	}
	<-h.client.large
}
