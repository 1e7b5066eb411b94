package config

import (
	"maps"
	"slices"
	"strings"
)

// Keys are what the sections of a file may have. A mount has the keys of an
// identity too, if it does not name one.
type Keys struct{ Identity, Mount map[string]Key }

// Key is what there is to know of one key.
type Key struct {
	// Check says what is wanted if a value will not do, as in "a number is
	// wanted". Its error must not repeat the value. Nil: any text will do.
	Check func(value string) error

	List bool // a list may be given
	Path bool // it names a file: relative to the configuration file's directory; ~/ is the home directory

	// Secret: the file that it names holds a secret, which has no key of its own. Such
	// a key is called NAME-file.
	Secret bool
}

// unknown is the error for a key that is not among those known.
func unknown(at Position, key string, known []string) *Error {
	e := &Error{at, "unknown key " + quote(key), "known keys: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")}
	if near := nearest(key, known); near != "" {
		e.Hint = "did you mean " + near + "?"
	}
	return e
}

// secretKeys are what people call a secret besides the NAMEs of keys called NAME-file.
// They get an answer of their own.
var secretKeys = []string{"client-secret", "secret", "token", "access-token", "service-token", "password", "api-key"}

// unknownSetting is unknown for the keys of a section.
func unknownSetting(at Position, key string, known map[string]Key) *Error {
	file := plain(key) + "-file"
	if known[file].Secret || slices.Contains(secretKeys, plain(key)) {
		if !known[file].Secret {
			file = "client-secret-file or token-file"
		}
		return &Error{at, quote(key) + ": secrets do not belong into this file",
			"put it into a file of its own that nobody else may read, and name that with " + file}
	}
	return unknown(at, key, slices.Collect(maps.Keys(known)))
}

// plain spells a key as the known ones are spelled.
func plain(key string) string {
	return strings.NewReplacer("_", "-", " ", "-").Replace(strings.TrimLeft(strings.ToLower(key), "-"))
}

// nearest is the known key that key is most likely a slip of, or empty.
func nearest(key string, known []string) string {
	key = plain(key)
	best, least := "", 3
	for _, k := range slices.Sorted(slices.Values(known)) {
		if strings.ReplaceAll(k, "-", "") == strings.ReplaceAll(key, "-", "") {
			return k // readOnly
		}
		if d := distance(key, k); d < least && d < len(k)-1 {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, remove or replace to get from a to b.
func distance(a, b string) int {
	if len(a) > 2*len(b)+2 { // far, and not worth counting
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
