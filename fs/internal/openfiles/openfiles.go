// Package openfiles knows what is open and shows secrets, so that whatever may no
// longer be shown is taken from there at once. A file is loaded with what it shows by
// way of the [Set], and let go there:
//
//	err := open.Open(file, func() error { return file.load(ctx) })
//	gone := open.Revoke(func(f openfiles.File) bool { return f.Folder() == denied })
//	open.Close(file)
//
// Reading does not go through it.
package openfiles

import (
	"sync"

	"infisicalfs/secret"
)

// File is something open that shows what a folder had when it was opened. Two are
// the same file if they are equal.
type File interface {
	Folder() secret.Dir
	// Revoke drops what is shown. It is called with the set locked: it must not wait.
	Revoke()
}

// Set is what is open. The zero value is ready, and safe for concurrent use.
type Set struct {
	mu          sync.Mutex // guards what follows
	files       map[File]struct{}
	revocations uint64
}

// Open calls load, which gives f what it shows, and adds f. If something was revoked
// in the meantime, what was loaded may be from before: load is called again. An error
// is load's, and f is revoked then.
func (s *Set) Open(f File, load func() error) error {
	for {
		before := s.now()
		if err := load(); err != nil {
			s.Close(f)
			f.Revoke()
			return err
		}
		if s.add(f, before) {
			return nil
		}
	}
}

func (s *Set) now() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revocations
}

// add adds f unless something was revoked since before.
func (s *Set) add(f File, before uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revocations != before {
		return false
	}
	if s.files == nil {
		s.files = make(map[File]struct{})
	}
	s.files[f] = struct{}{}
	return true
}

// Close takes f out, if it is there.
func (s *Set) Close(f File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, f)
}

// Revoke revokes what is open and lost, and returns that. Lost is called with the set
// locked: it must not wait.
func (s *Set) Revoke(lost func(File) bool) (gone []File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revocations++
	for f := range s.files {
		if lost(f) {
			f.Revoke()
			gone = append(gone, f)
		}
	}
	return gone
}

// Each calls do with all that is open, in no order, until it returns false. It is
// called with the set locked: it must not wait.
func (s *Set) Each(do func(File) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.files {
		if !do(f) {
			return
		}
	}
}
