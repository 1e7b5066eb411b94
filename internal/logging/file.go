package logging

import (
	"os"
	"path/filepath"
	"sync"
)

// logFile is a file that is appended to, and that can be begun anew after another
// program (logrotate) has moved it away.
type logFile struct {
	path string // absolute: the working directory changes

	mu   sync.Mutex // guards file; held for a write, which an exchange must not cut
	file *os.File
}

func openLogFile(path string) (*logFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	l := &logFile{path: path}
	return l, l.reopen()
}

// reopen opens the path again. If that fails the old file is written to as before.
func (l *logFile) reopen() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	old := l.file
	l.file = file
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return nil
}

// Write appends.
func (l *logFile) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(text)
}
