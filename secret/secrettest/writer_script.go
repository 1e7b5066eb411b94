package secrettest

import (
	"infisicalfs/secret"
)

// writeFault is what a kind of write fails with, before or after the server
// has done it.
type writeFault struct {
	err   error
	after bool
}

// FailWrites makes writes of a kind fail with err before anything has happened;
// nil heals them.
func (f *Fake) FailWrites(kind Kind, err error) { f.setWriteFault(kind, writeFault{err, false}) }

// FailWritesLate makes writes of a kind fail with err although they happened;
// nil heals them.
func (f *Fake) FailWritesLate(kind Kind, err error) { f.setWriteFault(kind, writeFault{err, true}) }

func (f *Fake) setWriteFault(kind Kind, fault writeFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writeFaults[kind] = fault
	if fault.err == nil {
		delete(f.writeFaults, kind)
	}
}

// BeforeWrites calls do before each request of a [FakeWriter], so that a test
// can be the somebody who comes in between. Nil stops it.
func (f *Fake) BeforeWrites(do func(Request)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = do
}

// SetRaw makes raw the stored form of a secret that is there and shows its
// value otherwise: one with references.
func (f *Fake) SetRaw(dir secret.Dir, name, raw string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirs[dir].raw[name] = raw
}

// Own returns the folder's own secret as it is stored, for a look behind the
// scenes: it is no request.
func (f *Fake) Own(dir secret.Dir, name string) (secret.Secret, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.dirs[dir]
	if c == nil {
		return secret.Secret{}, false
	}
	s, ok := c.secrets[name]
	return c.stored(s), ok
}

// Writes returns the requests of a [FakeWriter] that change something, in the
// form "kind name".
func (f *Fake) Writes() (list []string) {
	for _, r := range f.Requests() {
		switch r.Kind {
		case KindFetch, KindTree, KindFolders, KindStored:
		default:
			list = append(list, string(r.Kind)+" "+r.Name)
		}
	}
	return list
}
