package devserver

import (
	"encoding/json"
	"fmt"
	"sync"

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
