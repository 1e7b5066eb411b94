//go:build !linux

package mounttable

// Holders finds nobody.
func Holders(...int) map[int][]Holder { return nil }

// Users finds nobody.
func Users(...int) map[int][]Holder { return nil }

// WritableInReadOnly finds nobody.
func WritableInReadOnly() []Holder { return nil }
