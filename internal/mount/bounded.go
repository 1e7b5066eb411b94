package mount

import (
	"context"
	"time"
)

// patience bounds one look at a path. A healthy file system answers in
// microseconds; a FUSE server that hangs never does.
const patience = 2 * time.Second

// within runs look and gives up on it after patience.
func within[T any](ctx context.Context, look func() (T, error)) (T, error) {
	return bounded(ctx, patience, look)
}

// bounded runs look, which may block in the kernel beyond any interruption, and
// gives up on it when ctx ends or after limit, with the context's error. The
// goroutine of an abandoned look stays until the kernel lets it go.
func bounded[T any](ctx context.Context, limit time.Duration, look func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := look()
		answered <- answer{value, err}
	}()
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
