package view

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// JSON, YAML and TOML have strings in double quotes that are alike enough for
// one spelling that means the same in all three. Names are quoted too, so that
// none of them is taken for a number, a null or a table.

func jsonEntry(p *buffer, name string, value []byte) string {
	quote(p, []byte(name))
	p.add(": ")
	quote(p, value)
	return ""
}

func yamlEntry(p *buffer, name string, value []byte) string {
	quote(p, []byte(name))
	p.add(": ")
	quote(p, value)
	p.addByte('\n')
	return ""
}

func tomlEntry(p *buffer, name string, value []byte) string {
	quote(p, []byte(name))
	p.add(" = ")
	quote(p, value)
	p.addByte('\n')
	return ""
}

// quote writes text, which is UTF-8, in double quotes.
func quote(p *buffer, text []byte) {
	p.addByte('"')
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '"' || r == '\\':
			p.addByte('\\')
			p.addByte(byte(r))
		case r == '\n':
			p.add(`\n`)
		case r == '\r':
			p.add(`\r`)
		case r == '\t':
			p.add(`\t`)
		case mustEscape(r):
			p.add(fmt.Sprintf(`\u%04x`, r))
		default:
			p.addBytes(text[:size])
		}
		text = text[size:]
	}
	p.addByte('"')
}

// mustEscape reports whether a reader of one of the three does not take r as it
// is: control characters in all of them, what YAML takes for a line's end or
// does not take at all, and what is not to be seen.
func mustEscape(r rune) bool {
	return r < 0x10000 && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' || noncharacter(r))
}

// noncharacter reports whether Unicode promises that r will never be a character.
func noncharacter(r rune) bool { return 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe }
