package devserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// saver writes the data file.
type saver struct {
	mu    sync.Mutex // serialises the writing, so that an older state never lands on a newer one
	saved int        // the revision that the file holds
}

// loadState reads the data file. A file that does not exist is no state yet.
func loadState(file string) (*state, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the data file: %w", err)
	}
	st := new(state)
	if err := json.Unmarshal(data, st); err != nil {
		return nil, fmt.Errorf("%s is not a data file of this program: %w", file, err)
	}
	return st, nil
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
	if err := writeAtomically(s.dataFile, data); err != nil {
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

// writeAtomically replaces the file, readable by its owner only.
func writeAtomically(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails after the rename, as it should
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Sync(); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
