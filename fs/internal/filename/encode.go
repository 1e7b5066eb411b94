// Package filename says under which file names a folder's secrets and subfolders
// are shown. A server takes names that no file can have, so some are written with
// escapes, and long ones are cut ([Encode]); a folder can have a secret and a
// subfolder of one name, and then the secret's file is called "NAME%secret"
// ([Beside]). Each has exactly one file name, and no two have the same.
//
// The other way goes by a snapshot of the folder ([Resolve]), as a name that was cut
// can only be found again by comparing. Where something is to be made, [Key] says
// how the server will call it, or why there can be no such thing.
//
// A name is the server's; a name that is shown is a file's. Nothing here asks
// anybody, and nothing is kept.
package filename

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is how many bytes a file name has at most, on Linux.
const Max = 255

const (
	emptyName  = "%empty"  // shows the empty name
	besideDir  = "%secret" // follows the name of a secret that a folder has too
	shortened  = "%~"      // stands between the start of a long name and its hash
	hashLength = 32
)

// Encode returns the file name that shows name. It differs from name where
// a file name could not hold it, or would mean something else:
//
//   - a percent sign, a slash, NUL, control characters and bytes that are not
//     UTF-8 are percent-escaped with upper-case digits, and so are "." and two
//     leading dots;
//   - the empty name is "%empty";
//   - what would be longer than 255 bytes is cut and ends in "%~" and a hash of
//     the whole name.
//
// No two names have the same file name.
func Encode(name string) string { return EncodeWith(name, "") }

// Decode is the inverse of [Encode] for names that were not cut. It
// refuses, with false, whatever Encode does not return: there is one way to
// write each name.
func Decode(shown string) (string, bool) {
	if shown == emptyName {
		return "", true
	}
	name, ok := unescape(shown)
	if !ok || name == "" || Encode(name) != shown {
		return "", false
	}
	return name, true
}

// Beside returns the file name of a secret that a folder has the name of too: the
// folder keeps the name.
func Beside(name string) string { return EncodeWith(name, besideDir) }

// EncodeWith is Encode for a name that is followed by suffix, which is added as it
// stands and must leave room for more than a hash.
func EncodeWith(name, suffix string) string {
	if name == "" {
		return emptyName + suffix
	}
	escaped := escape(name)
	if len(escaped)+len(suffix) <= Max {
		return escaped + suffix
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:])[:hashLength]
	room := Max - len(shortened) - len(hash) - len(suffix)
	return cut(escaped, room) + shortened + hash + suffix
}

func escape(name string) string {
	if plain(name) {
		return name
	}
	return escaped(name)
}

// escaped is escape for any name.
func escaped(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		dots := i < 2 && strings.HasPrefix(name, "..") || name == "."
		if dots || r == '%' || r == '/' || unicode.IsControl(r) || r == utf8.RuneError && size == 1 {
			for _, c := range []byte(name[i : i+size]) {
				const digits = "0123456789ABCDEF"
				b.Write([]byte{'%', digits[c>>4], digits[c&15]})
			}
		} else {
			b.WriteString(name[i : i+size])
		}
		i += size
	}
	return b.String()
}

// plain reports whether a name is its own file name for sure, as nearly all are: it
// is told without a copy.
func plain(name string) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c >= 0x7f || c == '%' || c == '/' {
			return false
		}
	}
	return name != "" && name[0] != '.'
}

func unescape(shown string) (string, bool) {
	if strings.IndexByte(shown, '%') < 0 {
		return shown, true
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(shown, "%")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 2 {
			return "", false
		}
		c, err := hex.DecodeString(after[:2])
		if err != nil {
			return "", false
		}
		b.Write(c)
		shown = after[2:]
	}
}

// cut returns at most n bytes from the start of escaped and splits neither an
// escape nor a character.
func cut(escaped string, n int) string {
	for !utf8.RuneStart(escaped[n]) {
		n--
	}
	if i := strings.LastIndexByte(escaped[:n], '%'); i > n-3 && i >= 0 {
		n = i
	}
	return escaped[:n]
}
