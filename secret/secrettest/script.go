package secrettest

import (
	"fmt"
	"slices"
	"time"

	"infisicalfs/secret"
)

// Mkdir makes dir and whatever is missing above it.
func (f *Fake) Mkdir(dir secret.Dir) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mkdir(dir)
}

func (f *Fake) mkdir(dir secret.Dir) *content {
	if c := f.dirs[dir]; c != nil {
		return c
	}
	parent := f.mkdir(dir.Parent())
	parent.folders[dir.Name()] = secret.Subfolder{Name: dir.Name(), ID: f.id("dir"), Updated: time.Now()}
	f.newRevision(parent)
	c := newContent()
	f.newRevision(c)
	f.dirs[dir] = c
	return c
}

// Set gives the secret name in dir a value: a new secret at version 1, or the
// next version of the one that is there. It makes dir if need be.
func (f *Fake) Set(dir secret.Dir, name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.mkdir(dir)
	s, ok := c.secrets[name]
	if !ok {
		s = secret.Secret{Name: name, ID: f.id("secret"), Created: time.Now()}
	}
	s.Version++
	s.Value, s.Updated = secret.NewValue(value), time.Now()
	c.secrets[name] = s
	f.newRevision(c)
}

// Put places s in dir exactly as it is: an import, a hidden value, a comment.
// It makes dir if need be.
func (f *Fake) Put(dir secret.Dir, s secret.Secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.mkdir(dir)
	if s.Import != nil {
		c.imported[s.Name] = s
	} else {
		c.secrets[s.Name] = s
	}
	f.newRevision(c)
}

// Remove takes away what dir has under that name: a secret, and a directory
// with all that is below it.
func (f *Fake) Remove(dir secret.Dir, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.dirs[dir]
	if c == nil {
		return
	}
	delete(c.secrets, name)
	delete(c.imported, name)
	if _, ok := c.folders[name]; ok {
		delete(c.folders, name)
		gone := dir.Child(name)
		for d := range f.dirs {
			if gone.Contains(d) {
				delete(f.dirs, d)
			}
		}
	}
	f.newRevision(c)
}

func (f *Fake) newRevision(c *content) { f.ids++; c.revision = f.ids }

func (f *Fake) id(kind string) string { f.ids++; return fmt.Sprintf("%s-%d", kind, f.ids) }

// Fail makes each request for dir fail with err; nil heals it.
func (f *Fake) Fail(dir secret.Dir, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[dir] = err
	if err == nil {
		delete(f.faults, dir)
	}
}

// FailAll makes every request fail with err; nil heals all, but not what
// [Fake.Fail] set.
func (f *Fake) FailAll(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = err
}

// Delay keeps the answers of requests from now on back for d.
func (f *Fake) Delay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
}

// Hang makes requests from now on wait for their context's end; false lets
// them all go on.
func (f *Fake) Hang(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.release != nil {
		close(f.release)
		f.release = nil
	}
	if on {
		f.release = make(chan struct{})
	}
}

// Inexact makes Tree fail with [secret.ErrInexact].
func (f *Fake) Inexact(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inexact = on
}

// ListsFolders makes the Fake answer what [Fake.Folders] asks.
func (f *Fake) ListsFolders(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listsFolders = on
}

// NoSubfolders makes Tree leave out subfolders, as servers of 2024 do.
func (f *Fake) NoSubfolders(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flat = on
}

// Crowd makes the Fake report that others use up the rate limit.
func (f *Fake) Crowd(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crowded = on
}

// Kind is what a request asked for.
type Kind string

// The kinds of request.
const (
	KindFetch   Kind = "fetch"
	KindTree    Kind = "tree"
	KindFolders Kind = "folders"
)

// Request is one request that a Fake got.
type Request struct {
	Kind       Kind
	Dir        secret.Dir
	Name       string           // of what is written
	Known      *secret.Folder   // what the request was conditional on
	KnownTree  []*secret.Folder // the same for a bulk request
	Background bool             // marked by secret.Background when it arrived
	At         time.Time
}

// Requests returns all requests so far, in the order of their arrival.
func (f *Fake) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Calls counts requests that read.
type Calls struct {
	Fetch, Conditional, Tree, Folders int // Conditional ones are in Fetch or Tree as well
}

// All is the number of requests that read.
func (c Calls) All() int { return c.Fetch + c.Tree + c.Folders }

// Calls returns the number of requests so far, without those of a FakeWriter.
func (f *Fake) Calls() Calls {
	var n Calls
	for _, r := range f.Requests() {
		switch {
		case r.Kind == KindFolders:
			n.Folders++
		case r.Kind == KindTree:
			n.Tree++
			if len(r.KnownTree) > 0 {
				n.Conditional++
			}
		case r.Kind == KindFetch && r.Known != nil && (r.Known.Revision != "" || r.Known.NoSubfolders || r.Known.NoSecrets):
			n.Conditional++
			fallthrough
		case r.Kind == KindFetch:
			n.Fetch++
		}
	}
	return n
}
