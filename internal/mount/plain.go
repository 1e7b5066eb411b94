package mount

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf16"
)

// PlainJSON returns JSON that means the same and has nothing in it that a terminal
// would obey instead of showing it: names on the server may hold characters that
// turn the direction of writing. encoding/json escapes the control characters of
// ASCII only.
func PlainJSON(text []byte) []byte {
	obeyed := func(r rune) bool { return r >= 0x7f && !unicode.IsGraphic(r) }
	if bytes.IndexFunc(text, obeyed) < 0 {
		return text
	}
	var plain bytes.Buffer
	for _, r := range string(text) {
		switch {
		case !obeyed(r):
			plain.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&plain, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&plain, `\u%04x\u%04x`, high, low)
		}
	}
	return plain.Bytes()
}
