package wire

import (
	"fmt"
	"time"
	"unsafe"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// SecretList is the answer to "list secrets", as sent.
type SecretList struct {
	Own     map[string][]secret.Secret // by the path of their folder; if only one was asked for, all under ""
	Imports []Import
	Matches []Secret // of the name that was looked for, in their wire form
	Count   int      // of all
	Masks   bool     // the server tells of values whether it hides them

	Garbled      int    // entries that cannot be shown
	FirstGarbled string // the name of one, quoted
}

// Import is what one import gives.
type Import struct {
	Env, Path string
	Secrets   []secret.Secret
}

// Options say what was asked for, as far as it matters for reading the answer.
type Options struct {
	Recursive  bool
	Values     bool   // false: names only
	Only       string // keep secrets of this name alone, in their wire form; empty: all
	MaxEntries int
}

// ReadSecrets reads an answer to "list secrets". It is nil if the scanner failed.
func ReadSecrets(s *jsonstream.Scanner, h *jsonstream.Reservation, want Options) *SecretList {
	list := &SecretList{}
	(&listReader{want: want, most: want.MaxEntries, scan: s, hold: h, list: list}).read()
	if s.Err() != nil {
		return nil
	}
	return list
}

// listReader reads one answer to "list secrets" as it arrives. Each value goes
// into locked memory as soon as it is known where it belongs.
type listReader struct {
	want  Options
	most  int // entries
	scan  *jsonstream.Scanner
	hold  *jsonstream.Reservation
	list  *SecretList
	paths map[string]string // each path once
	own   map[string]*pieces

	one        entry  // that is being read
	value      []byte // its value, to be wiped
	takeMember func(key []byte)

	lastDate []byte // as it was sent
	last     time.Time

	texts    texts
	tags     lists[string]
	metadata lists[secret.Metadata]
}

// read reads the answer; [jsonstream.Scanner.Err] tells whether it was one.
func (l *listReader) read() {
	defer l.wipe()
	var secrets, imports bool
	l.own, l.paths = map[string]*pieces{}, map[string]string{}
	l.takeMember = l.member
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
	l.list.Own = make(map[string][]secret.Secret, len(l.own))
	for path, p := range l.own {
		l.list.Own[path] = p.join()
	}
}

func (l *listReader) ownEntry() {
	l.entry()
	if l.scan.Err() != nil {
		return
	}
	if l.want.Only != "" {
		l.match()
		return
	}
	folder := ""
	if l.want.Recursive {
		folder = l.one.wire.Path
	}
	p := l.own[folder]
	if p == nil {
		p = &pieces{}
		l.own[folder] = p
	}
	l.addTo(p)
}

func (l *listReader) importEntry() {
	if len(l.list.Imports) == l.most {
		l.scan.Fail(fmt.Errorf("the server's answer has more than %d imports (--max-secrets): %w", l.most, secret.ErrTooLarge))
		return
	}
	var from Import
	var given pieces
	var env, path, secrets bool
	l.scan.Members("an import", func(key []byte) {
		switch string(key) {
		case "environment":
			l.once(&env, "environment")
			from.Env = l.string("environment")
		case "secretPath":
			l.once(&path, "secretPath")
			from.Path = l.string("secretPath")
		case "secrets":
			l.once(&secrets, "secrets")
			if l.scan.Null() {
				return
			}
			l.scan.Elements("secrets of an import", func() {
				if l.entry(); l.scan.Err() == nil {
					l.addTo(&given)
				}
			})
		default:
			l.scan.Skip()
		}
	})
	from.Secrets = given.join()
	l.list.Imports = append(l.list.Imports, from)
	l.keep(int(unsafe.Sizeof(from)) + len(from.Env) + len(from.Path))
}
