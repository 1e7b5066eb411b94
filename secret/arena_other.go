//go:build !linux

package secret

// Elsewhere values live on Go's heap.

func mapPages(size int) []byte { return make([]byte, size) }

func unmapPages([]byte) {}
