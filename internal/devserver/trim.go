package devserver

import "strings"

// trimSpace cuts off white space as JavaScript understands it: Go's set without
// U+0085, with U+FEFF.
func trimSpace(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		switch {
		case r >= '\t' && r <= '\r', r == ' ', r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200a:
			return true
		case r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000, r == 0xfeff:
			return true
		}
		return false
	})
}

// storedValue is what the server makes of a value that is written: white space
// around it goes, except that one newline stays when the last character was one.
func storedValue(v string) string {
	trimmed := trimSpace(v)
	if strings.HasSuffix(v, "\n") {
		trimmed += "\n"
	}
	return trimmed
}
