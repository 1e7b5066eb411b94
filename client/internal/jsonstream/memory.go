package jsonstream

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"infisicalfs/secret"
)

// DefaultEntries is how many entries an answer may have unless somebody says
// otherwise. Nobody keeps so many in one folder.
const DefaultEntries = 100_000

const (
	keptEach = 1 << 10
	readEach = 5 << 9

	// largeAnswer is the memory for an answer from which on there is only one such
	// at a time.
	largeAnswer = 16 << 20
)

// Memory bounds what the answers of one server take, before it is used. Beyond a
// bound it is [secret.ErrTooLarge]. It is safe for concurrent use.
type Memory struct {
	maxKept int64         // by one operation
	maxRead int64         // of one answer
	large   chan struct{} // full while a large answer is read
}

// NewMemory returns bounds, in bytes: what is kept of all answers to one operation,
// and what is read of one answer.
func NewMemory(kept, read int64) *Memory {
	return &Memory{maxKept: kept, maxRead: read, large: make(chan struct{}, 1)}
}

// ForEntries returns the bounds for answers of so many entries (or of the default
// number, if that is more). Of each a KiB may be kept, and so much is read that it
// could be twice as long again in JSON.
func ForEntries(n int) *Memory {
	entries := int64(max(n, DefaultEntries))
	return NewMemory(entries*keptEach, entries*readEach)
}

// MaxRead is how many bytes are read of one answer.
func (m *Memory) MaxRead() int64 { return m.maxRead }

// allowance is what one operation may still keep in memory, in bytes. All answers
// to it draw on it.
type allowance struct{ left atomic.Int64 }

type allowanceKey struct{}

// WithAllowance makes ctx that of a new operation.
func (m *Memory) WithAllowance(ctx context.Context) context.Context {
	a := &allowance{}
	a.left.Store(m.maxKept)
	return context.WithValue(ctx, allowanceKey{}, a)
}

// Reservation is what one answer takes of its operation's allowance while it is
// read. It belongs to one goroutine, which has to call [Reservation.End].
type Reservation struct {
	memory *Memory
	ctx    context.Context
	from   *allowance
	bytes  int64
	large  bool // it holds the semaphore for large answers
}

// Reserve begins a reservation, empty so far, for an answer to ctx's operation.
func (m *Memory) Reserve(ctx context.Context) *Reservation {
	from, _ := ctx.Value(allowanceKey{}).(*allowance)
	if from == nil { // part of no operation
		from = &allowance{}
		from.left.Store(m.maxKept)
	}
	return &Reservation{memory: m, ctx: ctx, from: from}
}

// Keep accounts for n more bytes. For a large answer it waits until no other is
// being read. Its errors are [secret.ErrTooLarge] and the cause of ctx's end.
func (r *Reservation) Keep(n int) error {
	r.bytes += int64(n)
	if r.from.left.Add(-int64(n)) < 0 {
		return fmt.Errorf("the server's answer takes more than %d MiB of memory (see --max-secrets): %w", r.memory.maxKept>>20, secret.ErrTooLarge)
	}
	if r.large || r.bytes < largeAnswer {
		return nil
	}
	select {
	case r.memory.large <- struct{}{}:
		r.large = true
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

// End is called when the answer was read, or failed: then nothing of it is kept,
// and if it was large its memory is looked for at once, as the collector does not
// see what values take.
func (r *Reservation) End(failed bool) {
	if failed {
		r.from.left.Add(r.bytes)
	}
	if !r.large {
		return
	}
	if failed {
		runtime.GC()
	}
	<-r.memory.large
}
