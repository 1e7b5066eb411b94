package wire

import "time"

// once fails where an object has a member twice: which of them is meant is
// anybody's guess.
func (l *listReader) once(seen *bool, name string) {
	if *seen {
		l.scan.Misshapen(name + " is there twice")
	}
	*seen = true
}

// bytes takes a string, or null, which is the empty one. It is valid until
// anything else is taken.
func (l *listReader) bytes(called string) []byte {
	if l.scan.Null() {
		return nil
	}
	text, _ := l.scan.Text(called)
	return text
}

func (l *listReader) string(called string) string { return l.texts.keep(l.bytes(called)) }

func (l *listReader) path() string {
	text := l.bytes("secretPath")
	if path, ok := l.paths[string(text)]; ok {
		return path
	}
	path := string(text)
	l.paths[path] = path
	l.keep(len(path) + 64)
	return path
}

// usualDate is more than a date has that servers send, in bytes.
const usualDate = 64

// The years that a date can be in. Others are as good as none.
const firstYear, lastYear = 1970, 2200

func (l *listReader) date(called string) time.Time {
	text := l.bytes(called)
	switch {
	case len(text) > usualDate:
		return dateOf(text)
	case string(text) != string(l.lastDate): // many secrets are made or changed at once
		l.lastDate = append(l.lastDate[:0], text...)
		l.last = dateOf(text)
	}
	return l.last
}

func dateOf(text []byte) (t time.Time) {
	if t.UnmarshalText(text) != nil || t.Year() < firstYear || t.Year() > lastYear {
		return time.Time{}
	}
	return t
}

// keep accounts for memory.
func (l *listReader) keep(bytes int) {
	if l.scan.Err() == nil {
		if err := l.hold.Keep(bytes); err != nil {
			l.scan.Fail(err)
		}
	}
}
