package wire

import (
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"infisicalfs/secret"
)

// entry is one secret while it is read.
type entry struct {
	wire    Secret // without Value and Hidden
	value   secret.Value
	sent    bool // a text came for the value
	hidden  bool
	garbled string // what of it cannot be, empty if nothing

	named, valued bool // the members secretKey and secretValue were there
}

// entry reads one secret of a list.
func (l *listReader) entry() (e entry) {
	s := l.scan
	if l.list.Count++; l.list.Count > l.most {
		s.Fail(fmt.Errorf("the server's answer has more than %d secrets (--max-secrets): %w", l.most, secret.ErrTooLarge))
		return e
	}
	s.Members("a secret", func(key []byte) { l.member(&e, key) })
	if !e.named {
		s.Misshapen("a secret has no secretKey")
	}
	return e
}

// member reads the member of a secret that has this key.
func (l *listReader) member(e *entry, key []byte) {
	s := l.scan
	switch string(key) {
	case "secretKey":
		l.once(&e.named, "secretKey")
		name, valid := s.Text("secretKey")
		e.wire.Key = string(name)
		if !valid {
			e.garbled = "the name is not UTF-8"
		}
	case "secretValue":
		l.once(&e.valued, "secretValue")
		l.value(e)
	case "secretValueHidden":
		if !s.Null() {
			l.list.Masks = true
			e.hidden = s.Bool("secretValueHidden")
		}
	case "id":
		e.wire.ID = l.string("id")
	case "version":
		l.version(e)
	case "type":
		if string(l.bytes("type")) == Personal {
			e.wire.Type = Personal
		}
	case "secretPath":
		e.wire.Path = l.path()
	case "secretComment":
		e.wire.Comment = l.string("secretComment")
	case "tags":
		l.tags(e)
	case "secretMetadata":
		l.metadata(e)
	case "isRotatedSecret":
		e.wire.Rotated = s.Bool("isRotatedSecret")
	case "createdAt":
		e.wire.CreatedAt = l.date("createdAt")
	case "updatedAt":
		e.wire.UpdatedAt = l.date("updatedAt")
	default:
		s.Skip()
	}
}

// value takes a value into locked memory. Where only names were asked for it is
// left where it is, whatever the server sends.
func (l *listReader) value(e *entry) {
	switch {
	case !l.want.Values:
		l.scan.Skip()
	case l.scan.Null(): // which is not the empty value
	default:
		text, valid := l.scan.Text("secretValue")
		e.sent = true
		if !valid {
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

// pairOverhead is what a tag or a piece of metadata takes besides its texts: itself
// and its copy in the secret, both with room to grow, and the ends of small pieces
// of memory.
const pairOverhead = 4*int(unsafe.Sizeof(Tag{})) + 64

func (l *listReader) tags(e *entry) {
	if l.scan.Null() {
		return
	}
	l.scan.Elements("tags", func() {
		var t Tag
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
		l.keep(pairOverhead + len(t.ID) + len(t.Slug))
	})
}

func (l *listReader) metadata(e *entry) {
	if l.scan.Null() {
		return
	}
	l.scan.Elements("secretMetadata", func() {
		var m KeyValue
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
		l.keep(pairOverhead + len(m.Key) + len(m.Value))
	})
}

// entryOverhead is what a secret takes besides its texts: itself, twice while the
// list grows, and what belongs to its value.
const entryOverhead = 2*int(unsafe.Sizeof(secret.Secret{})) + 128

// finish turns an entry into the secret that it is about.
func (l *listReader) finish(e entry) secret.Secret {
	s := e.wire.Secret()
	s.Value, s.Hidden, s.Reason = e.value, false, ""
	switch {
	case e.garbled != "":
		s.Value, s.Hidden, s.Garbled = secret.Value{}, true, true
		s.Reason = e.garbled
		if l.list.Garbled++; l.list.Garbled == 1 {
			l.list.FirstGarbled = strconv.Quote(s.Name)
		}
	case e.hidden || !l.want.Values: // the text is a mask then
		Hide(&s, Unreadable)
	case !e.sent:
		Hide(&s, Unsent)
	}
	l.keep(entryOverhead + len(s.Name) + len(s.ID) + len(s.Comment) + secret.Room(s.Value.Len()))
	return s
}

// match keeps the wire form of an entry, if it is the one that is looked for.
func (l *listReader) match(e entry) {
	if e.wire.Key != l.want.Only {
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
	l.list.Matches = append(l.list.Matches, e.wire)
}
