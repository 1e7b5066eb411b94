//go:build !linux

package caller

// uniqueNumber is known on Linux only.
func uniqueNumber(int) uint64 { return 0 }
