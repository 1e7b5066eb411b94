package devserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/internal/devserver/internal/store"
)

// saver writes the data file.
type saver struct {
	mu    sync.Mutex // serialises the writing, so that an older state never lands on a newer one
	saved int        // the revision that the file holds
}

// save brings the data file up to the present state, if there is one.
func (s *Server) save() error {
	if s.dataFile == "" {
		return nil
	}
	s.saver.mu.Lock()
	defer s.saver.mu.Unlock()
	data, revision, err := s.snapshot()
	if err != nil {
		return err
	}
	if revision == s.saver.saved && revision > 0 {
		return nil
	}
	if err := store.WriteAtomically(s.dataFile, data); err != nil {
		return fmt.Errorf("cannot write the data file: %w", err)
	}
	s.saver.saved = revision
	return nil
}

func (s *Server) snapshot() ([]byte, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := json.MarshalIndent(s.state, "", " ")
	return data, s.revision, err
}

// Edit runs edit and then saves what it changed. It returns edit's error; what
// was changed before the error stays.
func (s *Server) Edit(edit func(*store.Editor) error) error {
	err := edit(store.NewEditor(s.change, s.dropToken, func(p store.Policies) { s.approvals = p }))
	return errors.Join(err, s.save())
}

// change runs f under the server's lock and counts a change if f succeeds.
func (s *Server) change(f func(*store.State, time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := f(s.state, time.Now()); err != nil {
		return err
	}
	s.revision++
	return nil
}

// dropToken is for the editor, which holds the lock and counts the change.
func (s *Server) dropToken(t *store.Token) { s.state.DropToken(t, s.profile.Old()) }
