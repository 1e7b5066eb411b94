package jsonstream

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// Text takes a string. It is valid until anything else is taken. Not valid: it is
// no text, because bytes of it are not UTF-8 or an escape is half of a character;
// those bytes, or the three that the half would have, are in it as they are, so
// that two such strings differ if what was sent does.
func (s *Scanner) Text(called string) (text []byte, valid bool) {
	if c := s.Peek(); c != '"' {
		s.WrongKind(c, called+" is no text")
		return nil, false
	}
	s.pos++
	if n, ascii := plain(s.window[s.pos:s.end]); s.pos+n < s.end && s.window[s.pos+n] == '"' {
		text = s.window[s.pos : s.pos+n]
		s.pos += n + 1
		return text, ascii || utf8.Valid(text)
	}
	return s.pieces()
}

// plain returns how many bytes stand for themselves: all before a quote, a backslash or a
// control character; and whether none of them is part of a larger character. It looks at
// eight at a time while none of them ends the text.
func plain(b []byte) (n int, ascii bool) {
	const each, high = 0x0101010101010101, 0x8080808080808080
	any := uint64(0)
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, backslash := x^each*'"', x^each*'\\'
		// The high bit of a byte of y-each&^y is set where y has a zero byte; above the
		// lowest one it may be set wrongly, for which the bytes are looked at below.
		special := (quote-each)&^quote | (backslash-each)&^backslash | (x-each*0x20)&^x
		if special&high != 0 {
			break
		}
		any |= x
	}
	for ; n < len(b); n++ {
		c := b[n]
		if c == '"' || c == '\\' || c < 0x20 {
			break
		}
		any |= uint64(c)
	}
	return n, any&high == 0
}

// pieces takes the rest of a string that is put together in [Scanner.text].
func (s *Scanner) pieces() (text []byte, valid bool) {
	clear(s.text)
	s.text = s.text[:0]
	valid = true
	for s.next() {
		n, _ := plain(s.window[s.pos:s.end])
		if !s.add(s.window[s.pos : s.pos+n]) {
			return nil, false
		}
		s.pos += n
		if s.pos == s.end {
			continue
		}
		switch s.window[s.pos] {
		case '"':
			s.pos++
			return s.text, valid && utf8.Valid(s.text)
		case '\\':
			s.pos++
			if !s.escape() {
				valid = false
			}
		default: // a control character
			s.Fail(ErrNotJSON)
		}
	}
	s.Fail(ErrNotJSON)
	return nil, false
}

// add appends to [Scanner.text] and leaves no copy behind where it has to grow.
func (s *Scanner) add(b []byte) bool {
	if len(s.text)+len(b) > maxText {
		s.Fail(ErrTooMuch)
		return false
	}
	if len(s.text)+len(b) > cap(s.text) {
		larger := make([]byte, len(s.text), max(2*cap(s.text), len(s.text)+len(b), 256))
		copy(larger, s.text)
		clear(s.text)
		s.text = larger
	}
	s.text = append(s.text, b...)
	return true
}

// escape takes what follows a backslash. It reports false for half a character.
func (s *Scanner) escape() (whole bool) {
	if !s.next() {
		s.Fail(ErrNotJSON)
		return false
	}
	c := s.window[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.character()
	default:
		s.Fail(ErrNotJSON)
		return false
	}
	return s.add([]byte{c})
}

// character takes the digits of \uXXXX, and a second escape if the first is the
// upper half of a character. An upper half without a lower one is kept, and the
// escape behind it looked at anew.
func (s *Scanner) character() (whole bool) {
	whole = true
	unit := s.unit()
	for utf16.IsSurrogate(unit) && s.err == nil {
		if unit < 0xdc00 && s.next() && s.window[s.pos] == '\\' {
			s.pos++
			if !s.next() || s.window[s.pos] != 'u' {
				s.half(unit)
				s.escape()
				return false
			}
			s.pos++
			second := s.unit()
			if r := utf16.DecodeRune(unit, second); r != utf8.RuneError {
				return s.add(utf8.AppendRune(nil, r)) && whole
			}
			s.half(unit)
			whole, unit = false, second
			continue
		}
		s.half(unit)
		return false
	}
	return s.add(utf8.AppendRune(nil, unit)) && whole
}

// half keeps half a character in the three bytes that UTF-8 would have for it if
// it allowed it.
func (s *Scanner) half(unit rune) bool {
	return s.add([]byte{0xe0 | byte(unit>>12), 0x80 | byte(unit>>6)&0x3f, 0x80 | byte(unit)&0x3f})
}

// unit takes four hexadecimal digits.
func (s *Scanner) unit() (unit rune) {
	for range 4 {
		if !s.next() {
			s.Fail(ErrNotJSON)
			return 0
		}
		c := s.window[s.pos]
		s.pos++
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			unit = unit<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			unit = unit<<4 | rune(c-'A'+10)
		default:
			s.Fail(ErrNotJSON)
			return 0
		}
	}
	return unit
}

// skipText takes a string of any length and keeps none of it.
func (s *Scanner) skipText() {
	s.pos++
	for s.next() {
		n, _ := plain(s.window[s.pos:s.end])
		s.pos += n
		if s.pos == s.end {
			continue
		}
		c := s.window[s.pos]
		s.pos++
		switch c {
		case '"':
			return
		case '\\':
			s.skipEscape()
		default:
			s.Fail(ErrNotJSON)
		}
	}
	s.Fail(ErrNotJSON)
}

func (s *Scanner) skipEscape() {
	if !s.next() {
		s.Fail(ErrNotJSON)
		return
	}
	c := s.window[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
	case 'u':
		s.unit()
	default:
		s.Fail(ErrNotJSON)
	}
}
