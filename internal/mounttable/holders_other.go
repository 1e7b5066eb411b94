//go:build !linux

package mounttable

// Holders finds nobody.
func Holders(int) []Holder { return nil }
