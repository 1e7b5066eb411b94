package clifiles

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"infisicalfs/secret"
)

// Config is the tool's configuration.
type Config struct {
	Path string `json:"-"`

	ActiveProfile string            `json:"activeProfile"`
	Profiles      []Profile         `json:"profiles"`
	Directories   map[string]string `json:"directoryProfiles"` // absolute directory to profile

	Email  string `json:"loggedInUserEmail"` // empty: nobody is logged in
	Domain string `json:"LoggedInUserDomain"`
	Users  []struct {
		Email  string `json:"email"`
		Domain string `json:"domain"`
	} `json:"loggedInUsers"`

	Backend    string `json:"vaultBackendType"`       // file, auto; empty: the system's keyring
	Passphrase string `json:"vaultBackendPassphrase"` // of the file vault, in base64
}

// Profile is one login of several.
type Profile struct {
	Name   string `json:"name"`
	Email  string `json:"email"`
	Domain string `json:"domain"`

	OrganizationID   string `json:"organizationId"`
	OrganizationName string `json:"organizationName"`
	OrganizationSlug string `json:"organizationSlug"`
}

// maxSize bounds the files that are read, in bytes.
const maxSize = 1 << 20

// Path is where the configuration is below a home directory.
func Path(home string) string { return filepath.Join(home, ".infisical", "infisical-config.json") }

// Read reads the configuration below a home directory. The error wraps [fs.ErrNotExist]
// where there is none.
func Read(home string) (*Config, error) {
	path := Path(home)
	text, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Config{Path: path}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.New("it is no JSON of the form that is known")) // the cause could quote it
	}
	return c, nil
}

// ReadFile reads a regular file to its end. A pipe, which could keep the reader waiting, is
// refused.
func ReadFile(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSize {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no regular file of less than 1 MiB")}
	}
	return io.ReadAll(io.LimitReader(file, maxSize))
}

// ErrPassphrase means that the configuration has a passphrase that it cannot have.
var ErrPassphrase = errors.New("vaultBackendPassphrase is no base64")

// VaultPassphrase is the passphrase of the file vault, empty if the configuration has none.
func (c *Config) VaultPassphrase() (secret.Value, error) {
	text, err := base64.StdEncoding.DecodeString(c.Passphrase)
	if err != nil {
		return secret.Value{}, fmt.Errorf("%s: %w", c.Path, ErrPassphrase)
	}
	return secret.NewValue(string(text)), nil
}

// ErrEntry means that what is kept of a login has no token in it.
var ErrEntry = errors.New("there is no token in it")

// Token is the token of what is kept of a login, in a vault or a keyring.
func Token(entry []byte) (secret.Value, error) {
	var kept struct {
		Token string `json:"JTWToken"` // the tool's spelling
	}
	if err := json.Unmarshal(entry, &kept); err != nil || kept.Token == "" {
		return secret.Value{}, ErrEntry
	}
	return secret.NewValue(kept.Token), nil
}
