package client

import (
	"fmt"
	"math"
	"strconv"
	"time"
	"unsafe"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// secretList is the answer to "list secrets", as sent.
type secretList struct {
	own     map[string][]secret.Secret // by the path of their folder; if only one was asked for, all under ""
	imports []importedSecrets
	matches []wireSecret // of the name that was looked for, in their wire form
	count   int          // of all
	masks   bool         // the server tells of values whether it hides them

	garbled      int    // entries that cannot be shown
	firstGarbled string // the name of one, quoted
}

// importedSecrets is what one import gives.
type importedSecrets struct {
	env, path string
	secrets   []secret.Secret
}

// listReader reads one answer to "list secrets" as it arrives. Each value goes
// into locked memory from where it was read.
type listReader struct {
	want  listing
	most  int // entries
	scan  *jsonstream.Scanner
	hold  *jsonstream.Reservation
	list  *secretList
	paths map[string]string // each path once
}

// read reads the answer; [jsonstream.Scanner.Err] tells whether it was one.
func (l *listReader) read() {
	var secrets, imports bool
	l.list.own, l.paths = map[string][]secret.Secret{}, map[string]string{}
	l.scan.Members("the answer", func(key []byte) {
		switch string(key) {
		case "secrets":
			l.once(&secrets, "secrets")
			if !l.scan.Null() {
				l.scan.Elements("secrets", l.ownEntry)
				return
			}
			secrets = false
		case "imports":
			l.once(&imports, "imports")
			if !l.scan.Null() {
				l.scan.Elements("imports", l.importEntry)
			}
		default:
			l.scan.Skip()
		}
	})
	if !secrets { // anything is JSON; an empty folder says so
		l.scan.Misshapen(`it has none of the expected keys ("secrets")`)
	}
	l.scan.Finish()
}

// once fails where an object has a member twice: which of them is meant is
// anybody's guess.
func (l *listReader) once(seen *bool, name string) {
	if *seen {
		l.scan.Misshapen(name + " is there twice")
	}
	*seen = true
}

func (l *listReader) ownEntry() {
	e := l.entry()
	if l.scan.Err() != nil {
		return
	}
	folder := ""
	if l.want.recursive {
		folder = e.wire.Path
	}
	if l.want.only != "" {
		l.match(e)
		return
	}
	l.list.own[folder] = append(l.list.own[folder], l.finish(e))
}

func (l *listReader) importEntry() {
	if len(l.list.imports) == l.most {
		l.scan.Fail(fmt.Errorf("the server's answer has more than %d imports (--max-secrets): %w", l.most, secret.ErrTooLarge))
		return
	}
	var from importedSecrets
	var env, path, secrets bool
	l.scan.Members("an import", func(key []byte) {
		switch string(key) {
		case "environment":
			l.once(&env, "environment")
			from.env = l.string("environment")
		case "secretPath":
			l.once(&path, "secretPath")
			from.path = l.string("secretPath")
		case "secrets":
			l.once(&secrets, "secrets")
			if l.scan.Null() {
				return
			}
			l.scan.Elements("secrets of an import", func() {
				if e := l.entry(); l.scan.Err() == nil {
					from.secrets = append(from.secrets, l.finish(e))
				}
			})
		default:
			l.scan.Skip()
		}
	})
	l.list.imports = append(l.list.imports, from)
	l.keep(int(unsafe.Sizeof(from)) + len(from.env) + len(from.path))
}

// entry is one secret while it is read.
type entry struct {
	wire    wireSecret // without Value and Hidden
	value   secret.Value
	sent    bool // a text came for the value
	hidden  bool
	garbled string // what of it cannot be, empty if nothing
}

func (l *listReader) entry() (e entry) {
	s := l.scan
	if l.list.count++; l.list.count > l.most {
		s.Fail(fmt.Errorf("the server's answer has more than %d secrets (--max-secrets): %w", l.most, secret.ErrTooLarge))
		return e
	}
	var named, valued bool
	s.Members("a secret", func(key []byte) {
		switch string(key) {
		case "secretKey":
			l.once(&named, "secretKey")
			name, sound := s.Text("secretKey")
			e.wire.Key = string(name)
			if !sound {
				e.garbled = "the name is not UTF-8"
			}
		case "secretValue":
			l.once(&valued, "secretValue")
			l.value(&e)
		case "secretValueHidden":
			if !s.Null() {
				l.list.masks = true
				e.hidden = s.Bool("secretValueHidden")
			}
		case "id":
			e.wire.ID = l.string("id")
		case "version":
			l.version(&e)
		case "type":
			if string(l.bytes("type")) == personal {
				e.wire.Type = personal
			}
		case "secretPath":
			e.wire.Path = l.path()
		case "secretComment":
			e.wire.Comment = l.string("secretComment")
		case "tags":
			l.tags(&e)
		case "secretMetadata":
			l.metadata(&e)
		case "isRotatedSecret":
			e.wire.Rotated = s.Bool("isRotatedSecret")
		case "createdAt":
			e.wire.CreatedAt = l.date("createdAt")
		case "updatedAt":
			e.wire.UpdatedAt = l.date("updatedAt")
		default:
			s.Skip()
		}
	})
	if !named {
		s.Misshapen("a secret has no secretKey")
	}
	return e
}

// value takes a value into locked memory. Where only names were asked for it is
// left where it is, whatever the server sends.
func (l *listReader) value(e *entry) {
	switch {
	case !l.want.values:
		l.scan.Skip()
	case l.scan.Null(): // which is not the empty value
	default:
		text, sound := l.scan.Text("secretValue")
		e.sent = true
		if !sound {
			e.garbled = "the value is not UTF-8"
			return
		}
		e.value = secret.ValueOf(text)
	}
}

func (l *listReader) version(e *entry) {
	if l.scan.Null() {
		return
	}
	if c := l.scan.Peek(); c != '-' && (c < '0' || c > '9') {
		l.scan.WrongKind(c, "version is no number")
		return
	}
	n, err := strconv.ParseInt(string(l.scan.Digits()), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		e.garbled = "the version is none that a secret can have"
		return
	}
	e.wire.Version = int(n)
}

// noteOverhead is what a tag or a piece of metadata takes besides its texts: itself
// and its copy in the secret, both with room to grow, and the ends of small pieces
// of memory.
const noteOverhead = 4*int(unsafe.Sizeof(wireTag{})) + 64

func (l *listReader) tags(e *entry) {
	if l.scan.Null() {
		return
	}
	l.scan.Elements("tags", func() {
		var t wireTag
		l.scan.Members("a tag", func(key []byte) {
			switch string(key) {
			case "id":
				t.ID = l.string("id of a tag")
			case "slug":
				t.Slug = l.string("slug of a tag")
			default:
				l.scan.Skip()
			}
		})
		e.wire.Tags = append(e.wire.Tags, t)
		l.keep(noteOverhead + len(t.ID) + len(t.Slug))
	})
}

func (l *listReader) metadata(e *entry) {
	if l.scan.Null() {
		return
	}
	l.scan.Elements("secretMetadata", func() {
		var m wireKV
		l.scan.Members("an entry of secretMetadata", func(key []byte) {
			switch string(key) {
			case "key":
				m.Key = l.string("key of secretMetadata")
			case "value":
				m.Value = l.string("value of secretMetadata")
			default:
				l.scan.Skip()
			}
		})
		e.wire.Metadata = append(e.wire.Metadata, m)
		l.keep(noteOverhead + len(m.Key) + len(m.Value))
	})
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

func (l *listReader) string(called string) string { return string(l.bytes(called)) }

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

// The years that a date can be in. Others are as good as none.
const firstYear, lastYear = 1970, 2200

func (l *listReader) date(called string) time.Time { return dateOf(l.bytes(called)) }

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

// entryOverhead is what a secret takes besides its texts: itself, twice while the
// list grows, and what belongs to its value.
const entryOverhead = 2*int(unsafe.Sizeof(secret.Secret{})) + 128

// finish turns an entry into the secret that it is about.
func (l *listReader) finish(e entry) secret.Secret {
	s := e.wire.secret()
	s.Value, s.Hidden, s.Reason = e.value, false, ""
	switch {
	case e.garbled != "":
		s.Value, s.Hidden, s.Garbled = secret.Value{}, true, true
		s.Reason = e.garbled
		if l.list.garbled++; l.list.garbled == 1 {
			l.list.firstGarbled = strconv.Quote(s.Name)
		}
	case e.hidden || !l.want.values: // the text is a mask then
		hide(&s, unreadable)
	case !e.sent:
		hide(&s, unsent)
	}
	l.keep(entryOverhead + len(s.Name) + len(s.ID) + len(s.Comment) + secret.Room(s.Value.Len()))
	return s
}

// match keeps the wire form of an entry, if it is the one that is looked for.
func (l *listReader) match(e entry) {
	if e.wire.Key != l.want.only {
		return
	}
	if e.garbled != "" {
		l.scan.Misshapen(e.garbled)
		return
	}
	if e.sent {
		text := e.value.Reveal()
		e.wire.Value = &text
	}
	if e.hidden {
		e.wire.Hidden = &e.hidden
	}
	l.list.matches = append(l.list.matches, e.wire)
}
