package volume

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/privatefile"
	"infisicalfs/secret"
)

// stateVersion grows when a file of this version could be misunderstood by the one before.
const stateVersion = 1

// stateName is the file in the state directory.
const stateName = "volumes.json"

// state is the file: what is to be there again after whatever end of the process.
type state struct {
	Version int      `json:"version"`
	Volumes []record `json:"volumes"`
}

// record is what is kept of a volume. None of it is secret.
type record struct {
	Name    string            `json:"name"`
	Created time.Time         `json:"created"`
	Words   map[string]string `json:"words"`
	Users   []string          `json:"users,omitempty"` // ids that it is mounted for, sorted
	// Root is what it shows, by the slug that the server had for the project when it was
	// mounted; zero before. With it the volume is mounted again while the server is away.
	Root secret.Dir `json:"root,omitzero"`

	// Of a volume at a path of the caller's: where it is, and the account whose credentials
	// come with it.
	Target  string   `json:"target,omitempty"`
	Account *Account `json:"account,omitempty"`
}

// readState reads the file. A file that is damaged, or of a later version, is an error:
// who went on without it would forget what containers use. One that is not there is empty.
func readState(dir string) ([]record, error) {
	path := filepath.Join(dir, stateName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "", "the list of volumes cannot be read: %w", err)
	}
	var s state
	if err := json.Unmarshal(text, &struct{ Version *int }{&s.Version}); err == nil && s.Version > stateVersion {
		return nil, exitcode.Errorf(exitcode.Config, "use the version that wrote it, or a later one", "%s has version %d, and this program reads %d", path, s.Version, stateVersion)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&s)
	if _, more := decoder.Token(); err == nil && more != io.EOF {
		err = errors.New("there is more behind its end")
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "put a copy of it in its place, or, to begin without volumes, remove it", "%s is damaged: %w", path, err)
	}
	return s.Volumes, nil
}

func (s state) check() error {
	if s.Version != stateVersion {
		return fmt.Errorf("it has version %d", s.Version)
	}
	seen := map[string]bool{}
	for _, r := range s.Volumes {
		if !validName(r.Name) || seen[r.Name] {
			return fmt.Errorf("no volume can be called %q there", r.Name)
		}
		seen[r.Name] = true
	}
	return nil
}

// encode returns what the file has of a volume.
func (r record) encode() ([]byte, error) { return json.Marshal(r) }

// writeState replaces the file in one step. It is on the disk when it returns.
func writeState(dir string, volumes [][]byte) error {
	text := fmt.Appendf(nil, `{"version":%d,"volumes":[`, stateVersion)
	text = append(text, bytes.Join(volumes, []byte(","))...)
	text = append(text, "]}\n"...)
	if err := privatefile.Write(filepath.Join(dir, stateName), text); err != nil {
		return exitcode.Errorf(exitcode.Other, "make room on the file system of the state directory", "the list of volumes cannot be written: %w", err)
	}
	return nil
}

// maxName leaves room for a name in a path and in a log.
const maxName = 200

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// validName holds a name to what Docker and Podman allow, which is a file name.
func validName(name string) bool { return len(name) <= maxName && nameForm.MatchString(name) }
