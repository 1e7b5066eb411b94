package wire

import (
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"infisicalfs/secret"
)

// entry is one secret while it is read. It is used again for the next.
type entry struct {
	wire     Secret // without Value and Hidden; with Tags and Metadata only where the wire form is wanted
	tags     []string
	metadata []secret.Metadata
	sent     bool // a text came for the value: listReader.value
	hidden   bool
	garbled  string // what of it cannot be, empty if nothing

	named, valued bool // the members secretKey and secretValue were there
}

// entry reads one secret of a list into [listReader.one].
func (l *listReader) entry() {
	s := l.scan
	l.one = entry{}
	if l.list.Count++; l.list.Count > l.most {
		s.Fail(fmt.Errorf("the server's answer has more than %d secrets (--max-secrets): %w", l.most, secret.ErrTooLarge))
		return
	}
	s.Members("a secret", l.takeMember)
	if !l.one.named {
		s.Misshapen("a secret has no secretKey")
	}
	l.one.tags, l.one.metadata = l.tags.list(), l.metadata.list()
}

// member reads the member of a secret that has this key.
func (l *listReader) member(key []byte) {
	s, e := l.scan, &l.one
	switch string(key) {
	case "secretKey":
		l.once(&e.named, "secretKey")
		name, valid := s.Text("secretKey")
		e.wire.Key = l.texts.keep(name)
		if !valid {
			e.garbled = "the name is not UTF-8"
		}
	case "secretValue":
		l.once(&e.valued, "secretValue")
		l.readValue()
	case "secretValueHidden":
		if !s.Null() {
			l.list.Masks = true
			e.hidden = s.Bool("secretValueHidden")
		}
	case "id":
		e.wire.ID = l.string("id")
	case "version":
		l.version()
	case "type":
		if string(l.bytes("type")) == Personal {
			e.wire.Type = Personal
		}
	case "secretPath":
		e.wire.Path = l.path()
	case "secretComment":
		e.wire.Comment = l.string("secretComment")
	case "tags":
		l.readTags()
	case "secretMetadata":
		l.readMetadata()
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

// readValue takes a value into [listReader.value], until it is known to which folder
// it belongs. Where only names were asked for it is left where it is, whatever the
// server sends.
func (l *listReader) readValue() {
	switch {
	case !l.want.Values:
		l.scan.Skip()
	case l.scan.Null(): // which is not the empty value
	default:
		text, valid := l.scan.Text("secretValue")
		l.one.sent = true
		if !valid {
			l.one.garbled = "the value is not UTF-8"
			return
		}
		l.keepValue(text)
	}
}

// keepValue copies a value's text into [listReader.value], and leaves none behind where that
// has to grow.
func (l *listReader) keepValue(text []byte) {
	if len(text) > cap(l.value) {
		l.wipe()
		l.value = make([]byte, 0, max(len(text), 2*cap(l.value), 256))
	}
	l.value = append(l.value[:0], text...)
}

// wipe takes the last value out of memory, and those before it that were longer.
func (l *listReader) wipe() { clear(l.value[:cap(l.value)]) }

func (l *listReader) version() {
	if l.scan.Null() {
		return
	}
	if c := l.scan.Peek(); c != '-' && (c < '0' || c > '9') {
		l.scan.WrongKind(c, "version is no number")
		return
	}
	n, err := strconv.ParseInt(string(l.scan.Digits()), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		l.one.garbled = "the version is none that a secret can have"
		return
	}
	l.one.wire.Version = int(n)
}

// pairOverhead is what a tag or a piece of metadata takes besides its texts: itself
// and its copy in the secret, both with room to grow, and the ends of small pieces
// of memory.
const pairOverhead = 4*int(unsafe.Sizeof(Tag{})) + 64

func (l *listReader) readTags() {
	if l.scan.Null() {
		return
	}
	l.scan.Elements("tags", func() {
		var t Tag
		l.scan.Members("a tag", func(key []byte) {
			switch string(key) {
			case "id":
				if id := l.bytes("id of a tag"); l.want.Only != "" {
					t.ID = string(id)
				}
			case "slug":
				t.Slug = l.string("slug of a tag")
			default:
				l.scan.Skip()
			}
		})
		if l.want.Only != "" {
			l.one.wire.Tags = append(l.one.wire.Tags, t)
		}
		l.tags.add(t.Slug)
		l.keep(pairOverhead + len(t.ID) + len(t.Slug))
	})
}

func (l *listReader) readMetadata() {
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
		if l.want.Only != "" {
			l.one.wire.Metadata = append(l.one.wire.Metadata, m)
		}
		l.metadata.add(secret.Metadata(m))
		l.keep(pairOverhead + len(m.Key) + len(m.Value))
	})
}

// entryOverhead is what a secret takes besides its texts: itself, twice while the
// list grows, and what belongs to its value.
const entryOverhead = 2*int(unsafe.Sizeof(secret.Secret{})) + 128

// addTo adds the secret that was read last to a list, and its value to the list's own.
func (l *listReader) addTo(p *pieces) {
	e := &l.one
	s := p.next()
	s.Name, s.ID, s.Version, s.Comment = e.wire.Key, e.wire.ID, e.wire.Version, e.wire.Comment
	s.Personal, s.Rotated = e.wire.Type == Personal, e.wire.Rotated
	s.Tags, s.Metadata, s.Created, s.Updated = e.tags, e.metadata, e.wire.CreatedAt, e.wire.UpdatedAt
	switch {
	case e.garbled != "":
		s.Hidden, s.Garbled, s.Reason = true, true, e.garbled
		if l.list.Garbled++; l.list.Garbled == 1 {
			l.list.FirstGarbled = strconv.Quote(s.Name)
		}
	case e.hidden || !l.want.Values: // the text is a mask then
		Hide(s, Unreadable)
	case !e.sent:
		Hide(s, Unsent)
	default:
		s.Value = p.values.Add(l.value)
	}
	l.keep(entryOverhead + len(s.Name) + len(s.ID) + len(s.Comment) + secret.Room(s.Value.Len()))
}

// match keeps the wire form of the secret that was read last, if it is the one that is
// looked for.
func (l *listReader) match() {
	e := &l.one
	if e.wire.Key != l.want.Only {
		return
	}
	if e.garbled != "" {
		l.scan.Misshapen(e.garbled)
		return
	}
	if e.sent {
		text := string(l.value)
		e.wire.Value = &text
	}
	if e.hidden {
		e.wire.Hidden = new(true)
	}
	l.list.Matches = append(l.list.Matches, e.wire)
}
