package generation

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// Record is what a process knows of the newest generation of a folder, for one that goes on
// with its mount: the kernel knows generations by their names, and keeps what they show. It
// has no value.
type Record struct {
	Name  string `json:"name"`
	Salt  []byte `json:"salt"`
	Print []byte `json:"print,omitempty"` // a fingerprint of names and values, made with the salt; none: they were revoked
}

// shows reports whether the generation had the names and values of snap. Dates and what
// else is in a snapshot count for nothing: the kernel asks for them again.
func (r *Record) shows(snap *secret.Folder) bool {
	return snap != nil && len(r.Print) > 0 && hmac.Equal(r.Print, printOf(snap, r.Salt))
}

// Recall has the history go on from what an earlier process has said in the place of what is
// known. Nothing may be served yet.
func (s *History) Recall(r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.Name != r.Name {
		s.before, s.current, s.previous, s.told = &r, nil, nil, nil
	}
}

// Record returns what the next process has to know; not ok: nothing.
func (s *History) Record() (r Record, ok bool) {
	s.mu.Lock()
	g, before := s.current, s.before
	s.mu.Unlock()
	switch {
	case g != nil:
		return g.record(), true
	case before != nil:
		return *before, true
	}
	return r, false
}

// Note calls note with the Record of the current generation, unless it was called for that
// already. Notes follow one another as generations do.
func (s *History) Note(note func(Record)) {
	s.noting.Lock()
	defer s.noting.Unlock()
	if g := s.Latest(); g != nil && g != s.noted {
		note(g.record())
		s.noted = g
	}
}

// Inherited returns the name of the generation that an earlier process showed last, as long
// as nobody has found out whether it is the current one; else it is empty.
func (s *History) Inherited() string {
	if before := s.inherited(); before != nil {
		return before.Name
	}
	return ""
}

// Untold reports whether watchers may not know of what is current, because only an earlier
// process has told them of anything.
func (s *History) Untold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.before != nil || s.told != s.current
}

func (s *History) inherited() *Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.before
}

// record of a generation that changes no more.
func (g *Generation) record() Record {
	r := Record{Name: g.Name}
	if snap := g.Shown(); snap != nil {
		p := g.print.Load()
		if p == nil {
			salt := make([]byte, sha256.Size)
			rand.Read(salt)
			p = &print{salt, printOf(snap, salt)}
			g.print.Store(p) // what shows the same has the same
		}
		r.Salt, r.Print = p.salt, p.sum
	}
	return r
}

// print is a fingerprint, made once for each generation.
type print struct{ salt, sum []byte }

// printOf is the fingerprint of what a generation shows. Each text has its length in front,
// so that two in a row cannot be cut elsewhere.
func printOf(snap *secret.Folder, salt []byte) []byte {
	h := hmac.New(sha256.New, salt)
	for _, s := range snap.Secrets {
		shown := filename.OfSecret(snap, s.Name)
		addNumber(h, uint64(len(shown)))
		h.Write([]byte(shown))
		hidden := uint64(0)
		if s.Hidden {
			hidden = 1
		}
		addNumber(h, hidden)
		addNumber(h, uint64(s.Value.Len()))
		addValue(h, s.Value)
	}
	return h.Sum(nil)
}

func addNumber(h hash.Hash, n uint64) { h.Write(binary.BigEndian.AppendUint64(nil, n)) }

// addValue goes through a buffer that is wiped.
func addValue(h hash.Hash, v secret.Value) {
	buf := make([]byte, 4096)
	defer clear(buf)
	for off := 0; off < v.Len(); {
		n := v.CopyAt(buf, int64(off))
		h.Write(buf[:n])
		off += n
	}
}

// MadeAt returns the moment that the name of a generation says.
func MadeAt(name string) (made time.Time, ok bool) {
	made, err := time.Parse(NameForm, name)
	return made, err == nil
}
