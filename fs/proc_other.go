//go:build !linux

package fs

// uniqueNumber is known on Linux only.
func uniqueNumber(int) uint64 { return 0 }
