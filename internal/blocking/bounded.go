package blocking

import (
	"context"
	"time"
)

// LookTimeout bounds one look at a path. A healthy file system answers in
// microseconds; a FUSE server that hangs never does.
const LookTimeout = 2 * time.Second

// Within runs look and gives up on it after LookTimeout.
func Within[T any](ctx context.Context, look func() (T, error)) (T, error) {
	return Bounded(ctx, LookTimeout, look)
}

// Bounded runs look, which may block in the kernel beyond any interruption, and
// gives up on it when ctx ends or after limit, with the context's error. The
// goroutine of an abandoned look stays until the kernel lets it go.
func Bounded[T any](ctx context.Context, limit time.Duration, look func() (T, error)) (T, error) {
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
