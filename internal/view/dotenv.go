package view

import (
	"bytes"
	"unicode"
)

// dotenv is for the libraries called dotenv. There is no standard: backslashes,
// dollar signs and carriage returns mean something else to each of them. So a
// value is written in the one of three ways in which nothing in it means anything
// to anybody, or not at all.
func dotenv(p *buffer, name string, value []byte) string {
	has := func(chars string) bool { return bytes.ContainsAny(value, chars) }
	var q string
	switch {
	case has("\x00"):
		return hasNUL
	case has("\r"):
		return "the value has a carriage return, which readers take for a line's end"
	case bytes.Contains(value, []byte("${")):
		return "the value has ${, which python-dotenv expands"
	case spaceAtLineEnd(value):
		return "the value's first line ends in white space, which viper cuts off"
	case spaceAtStart(value) && has(`\`):
		return "the value begins with white space and has a backslash, which viper misreads"
	case !has("'") && !bytes.Contains(value, []byte(`\\`)) && !bytes.HasSuffix(value, []byte(`\`)):
		q = "'"
	case !has("\"\\$"):
		q = `"`
	case !plain(value):
		return "readers disagree about this mixture of quotes, backslashes or dollar signs"
	}
	p.add(name)
	p.addByte('=')
	p.add(q)
	p.addBytes(value)
	p.add(q)
	p.addByte('\n')
	return ""
}

// gotenv, which is what viper reads these files with, trims the first line of a
// quoted value, and where a value begins with white space it looks at the wrong
// place whether a backslash escapes the quote at its end.

func spaceAtLineEnd(value []byte) bool {
	line, _, more := bytes.Cut(value, []byte("\n"))
	return more && len(bytes.TrimRightFunc(line, unicode.IsSpace)) < len(line)
}

func spaceAtStart(value []byte) bool {
	return len(bytes.TrimLeftFunc(value, unicode.IsSpace)) < len(value)
}

// plain reports whether a value means itself without quotes.
func plain(value []byte) bool {
	if bytes.ContainsAny(value, "\\$#") || bytes.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return false
	}
	return bytes.IndexByte([]byte("'\"` "), value[0]) < 0 && value[len(value)-1] != ' '
}
