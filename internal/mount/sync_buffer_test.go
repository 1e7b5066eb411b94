//go:build linux

package mount

import (
	"bytes"
	"sync"
)

// syncBuffer collects what several goroutines log.
type syncBuffer struct {
	mu  sync.Mutex // guards out
	out bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}
