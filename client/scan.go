package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// scan reads JSON from an answer as it arrives. encoding/json would want the
// whole of it in memory first, keep copies of values that nobody can wipe, and
// turn what is no text into U+FFFD without a word. Errors are sticky: after one,
// everything yields nothing, and [scan.err] says why.
type scan struct {
	in       io.Reader
	window   []byte // what has arrived and is looked at
	pos, end int
	text     []byte // a string that has escapes or does not fit the window
	left     int64  // bytes that the answer may still have
	strict   bool   // what is skipped has to be text, and to say each thing once
	err      error
}

// The ways in which an answer can be wrong.
var (
	errNotJSON = errors.New("not JSON")
	errTooMuch = errors.New("more than is read of one answer")
)

// shapeError is JSON that is not what was asked for. It names the field and never
// quotes what is there.
type shapeError struct{ what string }

func (e shapeError) Error() string { return e.what }

// brokenOff is the failure to read on.
type brokenOff struct{ error }

func (b brokenOff) Unwrap() error { return b.error }

const (
	windowSize = 64 << 10
	maxText    = 16 << 20 // bytes of one string; servers take values of a megabyte
	maxNesting = 64
	maxDigits  = 64
)

func newScan(in io.Reader, most int64) *scan {
	return &scan{in: in, window: make([]byte, windowSize), left: most}
}

// sound reports whether a body has nothing in it that encoding/json would hand on as
// something else, without a word: what is no text, and members that are there twice.
func sound(body []byte) error {
	s := &scan{in: bytes.NewReader(nil), window: body, end: len(body), strict: true}
	s.skip()
	s.finish()
	return s.err
}

// wipe takes what was read out of memory.
func (s *scan) wipe() {
	clear(s.window)
	clear(s.text[:cap(s.text)])
}

func (s *scan) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *scan) misshapen(what string) { s.fail(shapeError{what}) }

// next makes sure that there is a byte at pos. After the last it returns false;
// whether that is an error is for the caller to say.
func (s *scan) next() bool {
	for s.pos == s.end {
		if s.err != nil {
			return false
		}
		n, err := s.in.Read(s.window)
		s.pos, s.end = 0, n
		s.left -= int64(n)
		switch {
		case s.left < 0:
			s.end = 0
			s.fail(errTooMuch)
			return false
		case n > 0:
		case err == io.EOF:
			return false
		case err != nil:
			s.fail(brokenOff{err})
			return false
		}
	}
	return s.err == nil
}

// peek returns the next byte that is not white space, and leaves it there. It is
// zero after an error, to which an early end counts.
func (s *scan) peek() byte {
	for s.next() {
		switch c := s.window[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	s.fail(errNotJSON)
	return 0
}

// take takes the byte that has to come next.
func (s *scan) take(want byte) {
	if s.peek() != want {
		s.fail(errNotJSON)
		return
	}
	s.pos++
}

// finish takes what follows the outermost value: nothing.
func (s *scan) finish() {
	for s.next() {
		switch s.window[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			s.fail(errNotJSON)
		}
	}
}

// members calls f with each key of the object that comes next, for f to take the
// value. The key is gone once f reads on. called names the object in errors.
func (s *scan) members(called string, f func(key []byte)) {
	if c := s.peek(); c != '{' {
		s.wrongKind(c, called+" is no object")
		return
	}
	s.pos++
	if s.peek() == '}' {
		s.pos++
		return
	}
	for s.err == nil {
		if s.peek() != '"' {
			s.fail(errNotJSON)
			return
		}
		key, _ := s.str(called)
		colon := s.peekAfter(key, f)
		if !colon {
			return
		}
		if s.peek() == '}' {
			s.pos++
			return
		}
		s.take(',')
	}
}

// peekAfter takes the colon behind a key and hands the key on. Reading the colon
// may move the window under the key, so the key is copied where it might.
func (s *scan) peekAfter(key []byte, f func([]byte)) bool {
	if s.pos == s.end || s.window[s.pos] != ':' {
		key = append([]byte(nil), key...)
	}
	s.take(':')
	if s.err != nil {
		return false
	}
	f(key)
	return s.err == nil
}

// elements calls f for each element of the array that comes next, for f to take.
func (s *scan) elements(called string, f func()) {
	if c := s.peek(); c != '[' {
		s.wrongKind(c, called+" is no list")
		return
	}
	s.pos++
	if s.peek() == ']' {
		s.pos++
		return
	}
	for s.err == nil {
		f()
		if s.peek() == ']' {
			s.pos++
			return
		}
		s.take(',')
	}
}

// wrongKind tells another kind of value from what is no value at all.
func (s *scan) wrongKind(c byte, what string) {
	switch {
	case c == '{', c == '[', c == '"', c == '-', c >= '0' && c <= '9':
		s.misshapen(what)
	case s.isLiteral():
		s.misshapen(what)
	default:
		s.fail(errNotJSON)
	}
}

// null takes a null, if that is what comes next.
func (s *scan) null() bool {
	if s.peek() != 'n' {
		return false
	}
	return string(s.word()) == "null"
}

// boolean takes true, false, or null, which is false.
func (s *scan) boolean(called string) bool {
	c := s.peek()
	if c != 't' && c != 'f' && c != 'n' {
		s.wrongKind(c, called+" is neither true nor false")
		return false
	}
	return string(s.word()) == "true"
}

// isLiteral takes one of the three words.
func (s *scan) isLiteral() bool {
	return s.word() != nil
}

// word takes one of the three words that JSON has, and fails without.
func (s *scan) word() []byte {
	var word [6]byte
	n := 0
	for n < len(word) && s.next() && s.window[s.pos] >= 'a' && s.window[s.pos] <= 'z' {
		word[n] = s.window[s.pos]
		n++
		s.pos++
	}
	switch string(word[:n]) {
	case "true", "false", "null":
		return word[:n]
	}
	s.fail(errNotJSON)
	return nil
}

// digits takes a number as it is written.
func (s *scan) digits() []byte {
	var number [maxDigits]byte
	n := 0
	for s.next() {
		c := s.window[s.pos]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		if n == len(number) {
			s.misshapen("a number has too many digits")
			return nil
		}
		number[n] = c
		n++
		s.pos++
	}
	if !json.Valid(number[:n]) {
		s.fail(errNotJSON)
		return nil
	}
	return number[:n]
}

// skip takes a value of any kind.
func (s *scan) skip() { s.skipNested(0) }

func (s *scan) skipNested(depth int) {
	if depth > maxNesting {
		s.misshapen("something is nested too deep")
		return
	}
	switch c := s.peek(); {
	case c == '{':
		var seen map[string]bool
		s.members("something", func(key []byte) {
			if s.strict {
				if seen[string(key)] {
					s.misshapen("a member is there twice")
				}
				if seen == nil {
					seen = map[string]bool{}
				}
				seen[string(key)] = true
			}
			s.skipNested(depth + 1)
		})
	case c == '[':
		s.elements("something", func() { s.skipNested(depth + 1) })
	case c == '"' && s.strict:
		if _, sound := s.str("something"); !sound {
			s.misshapen("a text in it is not UTF-8")
		}
	case c == '"':
		s.skipText()
	case c == '-' || c >= '0' && c <= '9':
		s.digits()
	default:
		s.word()
	}
}
