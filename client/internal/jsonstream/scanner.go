package jsonstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Scanner reads JSON from an answer as it arrives. encoding/json would want the
// whole of it in memory first, keep copies of values that nobody can wipe, and
// turn what is no text into U+FFFD without a word. Errors are sticky: after one,
// everything yields nothing, and [Scanner.Err] says why.
type Scanner struct {
	in       io.Reader
	window   []byte // what has arrived and is looked at
	pos, end int
	text     []byte          // a string that has escapes or does not fit the window
	small    [maxDigits]byte // a number or a word
	left     int64           // bytes that the answer may still have
	strict   bool            // what is skipped has to be text, and to say each thing once
	err      error
}

// The ways in which an answer can be wrong.
var (
	ErrNotJSON = errors.New("not JSON")
	ErrTooMuch = errors.New("more than is read of one answer")
)

// ShapeError is JSON that is not what was asked for. It names the field and never
// quotes what is there.
type ShapeError struct{ what string }

func (e ShapeError) Error() string { return e.what }

// ReadError is the failure to read on.
type ReadError struct{ error }

func (b ReadError) Unwrap() error { return b.error }

const (
	windowSize = 64 << 10
	maxText    = 16 << 20 // bytes of one string; servers take values of a megabyte
	maxNesting = 64
	maxDigits  = 64
)

// New returns a scanner that reads so many bytes at most.
func New(in io.Reader, most int64) *Scanner {
	return &Scanner{in: in, window: make([]byte, windowSize), left: most}
}

// Check reports whether a body has nothing in it that encoding/json would hand on as
// something else, without a word: what is no text, and members that are there twice.
func Check(body []byte) error {
	s := &Scanner{in: bytes.NewReader(nil), window: body, end: len(body), strict: true}
	s.Skip()
	s.Finish()
	return s.err
}

// Wipe takes what was read out of memory.
func (s *Scanner) Wipe() {
	clear(s.window)
	clear(s.text[:cap(s.text)])
	clear(s.small[:])
}

// Err is the first error, nil so far.
func (s *Scanner) Err() error { return s.err }

// Fail makes err the scanner's error, unless it has one.
func (s *Scanner) Fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Misshapen fails with a [ShapeError].
func (s *Scanner) Misshapen(what string) { s.Fail(ShapeError{what}) }

// next makes sure that there is a byte at pos. After the last it returns false;
// whether that is an error is for the caller to say.
func (s *Scanner) next() bool {
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
			s.Fail(ErrTooMuch)
			return false
		case n > 0:
		case err == io.EOF:
			return false
		case err != nil:
			s.Fail(ReadError{err})
			return false
		}
	}
	return s.err == nil
}

// Peek returns the next byte that is not white space, and leaves it there. It is
// zero after an error, to which an early end counts.
func (s *Scanner) Peek() byte {
	if s.pos < s.end && s.err == nil && s.window[s.pos] > ' ' {
		return s.window[s.pos]
	}
	for s.next() {
		switch c := s.window[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	s.Fail(ErrNotJSON)
	return 0
}

// take takes the byte that has to come next.
func (s *Scanner) take(want byte) {
	if s.Peek() != want {
		s.Fail(ErrNotJSON)
		return
	}
	s.pos++
}

// Finish takes what follows the outermost value: nothing.
func (s *Scanner) Finish() {
	for s.next() {
		switch s.window[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			s.Fail(ErrNotJSON)
		}
	}
}

// Members calls f with each key of the object that comes next, for f to take the
// value. The key is gone once f reads on. called names the object in errors.
func (s *Scanner) Members(called string, f func(key []byte)) {
	if c := s.Peek(); c != '{' {
		s.WrongKind(c, called+" is no object")
		return
	}
	s.pos++
	if s.Peek() == '}' {
		s.pos++
		return
	}
	for s.err == nil {
		if s.Peek() != '"' {
			s.Fail(ErrNotJSON)
			return
		}
		key, _ := s.Text(called)
		colon := s.peekAfter(key, f)
		if !colon {
			return
		}
		if s.Peek() == '}' {
			s.pos++
			return
		}
		s.take(',')
	}
}

// peekAfter takes the colon behind a key and hands the key on. Reading the colon
// may move the window under the key, so the key is copied where it might.
func (s *Scanner) peekAfter(key []byte, f func([]byte)) bool {
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

// Elements calls f for each element of the array that comes next, for f to take.
func (s *Scanner) Elements(called string, f func()) {
	if c := s.Peek(); c != '[' {
		s.WrongKind(c, called+" is no list")
		return
	}
	s.pos++
	if s.Peek() == ']' {
		s.pos++
		return
	}
	for s.err == nil {
		f()
		if s.Peek() == ']' {
			s.pos++
			return
		}
		s.take(',')
	}
}

// WrongKind tells another kind of value from what is no value at all.
func (s *Scanner) WrongKind(c byte, what string) {
	switch {
	case c == '{', c == '[', c == '"', c == '-', c >= '0' && c <= '9':
		s.Misshapen(what)
	case s.isLiteral():
		s.Misshapen(what)
	default:
		s.Fail(ErrNotJSON)
	}
}

// Null takes a null, if that is what comes next.
func (s *Scanner) Null() bool {
	if s.Peek() != 'n' {
		return false
	}
	return string(s.word()) == "null"
}

// Bool takes true, false, or null, which is false.
func (s *Scanner) Bool(called string) bool {
	c := s.Peek()
	if c != 't' && c != 'f' && c != 'n' {
		s.WrongKind(c, called+" is neither true nor false")
		return false
	}
	return string(s.word()) == "true"
}

// isLiteral takes one of the three words.
func (s *Scanner) isLiteral() bool {
	return s.word() != nil
}

var words = [...]string{"null", "false", "true"}

// word takes one of the three words that JSON has, and fails without. It is valid
// until anything else is taken.
func (s *Scanner) word() []byte {
	rest := s.window[s.pos:s.end]
	if s.err != nil {
		rest = nil
	}
	for _, whole := range words { // and the byte behind, which may be a part of another word
		if len(rest) > len(whole) && string(rest[:len(whole)]) == whole && (rest[len(whole)] < 'a' || rest[len(whole)] > 'z') {
			s.pos += len(whole)
			return rest[:len(whole)]
		}
	}
	word := s.small[:6]
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
	s.Fail(ErrNotJSON)
	return nil
}

// Digits takes a number as it is written. It is valid until anything else is taken.
func (s *Scanner) Digits() []byte {
	number := s.small[:]
	n := 0
	for s.next() {
		c := s.window[s.pos]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		if n == len(number) {
			s.Misshapen("a number has too many digits")
			return nil
		}
		number[n] = c
		n++
		s.pos++
	}
	if !isNatural(number[:n]) && !json.Valid(number[:n]) {
		s.Fail(ErrNotJSON)
		return nil
	}
	return number[:n]
}

// isNatural reports whether text is a number of digits alone, as most are.
func isNatural(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) == 1 || len(text) > 1 && text[0] != '0'
}

// Skip takes a value of any kind.
func (s *Scanner) Skip() { s.skipNested(0) }

func (s *Scanner) skipNested(depth int) {
	if depth > maxNesting {
		s.Misshapen("something is nested too deep")
		return
	}
	switch c := s.Peek(); {
	case c == '{':
		var seen map[string]bool
		s.Members("something", func(key []byte) {
			if s.strict {
				if seen[string(key)] {
					s.Misshapen("a member is there twice")
				}
				if seen == nil {
					seen = map[string]bool{}
				}
				seen[string(key)] = true
			}
			s.skipNested(depth + 1)
		})
	case c == '[':
		s.Elements("something", func() { s.skipNested(depth + 1) })
	case c == '"' && s.strict:
		if _, valid := s.Text("something"); !valid {
			s.Misshapen("a text in it is not UTF-8")
		}
	case c == '"':
		s.skipText()
	case c == '-' || c >= '0' && c <= '9':
		s.Digits()
	default:
		s.word()
	}
}
