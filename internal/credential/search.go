package credential

import (
	"cmp"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// Search looks for credentials once. It is used by one goroutine at a time, but that
// methods' Elsewhere functions are called side by side.
type Search struct {
	Flags  *Flags
	Lookup func(name string) (value string, ok bool) // of variables

	Server  string         // address of the server that the credentials are for
	Default bool           // nobody has named that server: it is the vendor's
	RootCAs *x509.CertPool // whom to trust there; nil: the system's

	// ReadOnly: nothing is removed, whatever the flags say.
	ReadOnly bool

	once         sync.Once // makes surroundings
	surroundings *surroundings

	used     map[string]bool // the places of which something has been taken
	warnings []string
	id       string // of the machine identity, while its method is asked to prove it
	issuer   string // for [Found.Server]
	identity string // for [Found.Identity]
}

// place is where a setting has something.
type place struct {
	name string // for people, and for used
	text string // what is there
	file string // what is there is in this file instead
}

// ofSystemd ends the name of a place in systemd's directory.
const ofSystemd = " of systemd"

// directoryVariable names the directory into which systemd puts a unit's credentials.
const directoryVariable = "CREDENTIALS_DIRECTORY"

// at returns where a setting has something in that rank.
func (s *Search) at(setting Setting, rank Rank) (place, bool) {
	switch rank {
	case Explicit:
		if text := strings.TrimSpace(s.Flags.Get(setting.Flag)); text != "" {
			p := place{name: "--" + setting.Flag, text: text}
			if setting.Secret {
				p.text, p.file = "", text
			}
			return p, true
		}
	case Environment:
		for _, name := range setting.Variables {
			if text := s.variable(name); text != "" {
				return place{name: name, text: text}, true
			}
		}
		for _, name := range setting.Paths {
			if path := s.variable(name); path != "" {
				return place{name: name, file: absolute(path)}, true
			}
		}
	case Directory:
		dir := s.variable(directoryVariable)
		if dir == "" || setting.Stored == "" {
			break
		}
		path := filepath.Join(dir, setting.Stored)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) && s.directoryTrouble() == "" {
			return place{name: setting.Stored + ofSystemd, file: path}, true
		}
	}
	return place{}, false
}

// absolute makes a path independent of the working directory, which a mount in the
// background leaves. What looks like a secret stays as it is, to be told so.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil && !LooksLikeSecret(path) {
		return whole
	}
	return path
}

// variable is what a variable holds, without the blanks and line ends around it that
// files and YAML leave there.
func (s *Search) variable(name string) string {
	text, _ := s.Lookup(name)
	return strings.TrimSpace(text)
}

// directoryTrouble says why nothing can be in systemd's directory although the unit has
// one, empty if all is well or there is none.
func (s *Search) directoryTrouble() string {
	dir := s.variable(directoryVariable)
	if dir == "" {
		return ""
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil:
		return "$" + directoryVariable + " is set, but the directory cannot be read (" + exitcode.PathError(err).Error() + ")"
	case len(entries) == 0:
		return "$" + directoryVariable + " is set, but the directory is empty"
	}
	return ""
}

// Text returns what a setting that is no secret is set to, in the first rank that has
// it, and where that is. Empty: nowhere.
func (s *Search) Text(settings ...Setting) (text, from string) {
	for rank := Explicit; rank <= Directory; rank++ {
		for _, setting := range settings {
			p, ok := s.at(setting, rank)
			if !ok {
				continue
			}
			s.use(p)
			if p.file == "" {
				return p.text, p.name
			}
			if value, err := readFile(p, setting); err == nil {
				return value.Reveal(), p.name
			}
		}
	}
	return "", ""
}

// path returns the path of a file that a method reads itself.
func (s *Search) path(setting Setting) (path, from string) {
	for rank := Explicit; rank <= Directory; rank++ {
		if p, ok := s.at(setting, rank); ok {
			s.use(p)
			return cmp.Or(p.file, p.text), p.name
		}
	}
	return "", ""
}

// Source is where a secret is read from, each time anew.
type Source struct {
	From string // for people; empty: nowhere
	file string // that it is in
	Read func() (secret.Value, error)
}

// Secret returns where the first of the settings that is set has its secret, which is
// read once already. A Source without From means that nothing is set.
func (s *Search) Secret(settings ...Setting) (Source, error) {
	for rank := Explicit; rank <= Directory; rank++ {
		for _, setting := range settings {
			if p, ok := s.at(setting, rank); ok {
				return s.open(p, setting)
			}
		}
	}
	for _, setting := range settings {
		if path := setting.Default; path != "" && exists(path) {
			return s.open(place{name: path, file: path}, setting)
		}
	}
	return Source{}, nil
}

// open reads a secret for the first time.
func (s *Search) open(p place, setting Setting) (Source, error) {
	s.use(p)
	if p.file == "" {
		if err := oneWord(p.name, p.text); err != nil && !setting.Free {
			return Source{}, err
		}
		value := secret.NewValue(p.text)
		return Source{p.name, p.file, func() (secret.Value, error) { return value, nil }}, nil
	}
	value, err := readFile(p, setting)
	if err != nil {
		return Source{}, err
	}
	own := p.name != p.file && !setting.Public // somebody made it for us
	if own && !strings.HasSuffix(p.name, ofSystemd) {
		if err := s.guard(p.name, p.file); err != nil {
			return Source{}, err
		}
		if s.Flags.Remove && !s.ReadOnly {
			if err := remove(p); err != nil {
				return Source{}, err
			}
			return Source{p.name, p.file, func() (secret.Value, error) { return value, nil }}, nil
		}
	}
	if !isRegular(p.file) { // a pipe can be read once only
		return Source{p.name, p.file, func() (secret.Value, error) { return value, nil }}, nil
	}
	return Source{p.name, p.file, func() (secret.Value, error) { return readFile(p, setting) }}, nil
}

// settle does what is done with a file of a secret that a method has read itself: it is
// guarded, and removed if that is asked for. Kept means that nobody can read it again.
func (s *Search) settle(from, path string) (kept bool, err error) {
	if strings.HasSuffix(from, ofSystemd) {
		return false, nil
	}
	if err := s.guard(from, path); err != nil {
		return false, err
	}
	if !s.Flags.Remove || s.ReadOnly {
		return false, nil
	}
	return true, remove(place{name: from, file: path})
}

// guard warns of a file that others can read, or refuses it if --strict says so. For
// methods that read a file with a secret themselves.
func (s *Search) guard(from, path string) error {
	warning, err := s.Flags.Guard(from, path)
	if warning != "" {
		s.Warn(warning)
	}
	return err
}

// Guard says that a file with a secret can be read by others than its owner: as a warning, or as an error if
// --strict says so. from is what names the file.
func (f *Flags) Guard(from, path string) (warning string, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
		return "", nil // what cannot be read is an error of who reads it
	}
	if f.Strict {
		return "", exitcode.Errorf(exitcode.Login, "chmod go= "+path, "%s: %s can be read by others (mode %04o), and --strict is given", from, path, info.Mode().Perm())
	}
	return from + ": " + path + " can be read by others; chmod go= " + path, nil
}

// Warn notes what keeps nobody from logging in, for [Found.Warnings].
func (s *Search) Warn(text string) { s.warnings = append(s.warnings, text) }

func (s *Search) use(p place) {
	if s.used == nil {
		s.used = map[string]bool{}
	}
	s.used[p.name] = true
}

// IssuedBy says that the credentials were given out by one server, whose address is
// kept with them, and are sent to no other. An error means that another server was named. from
// says where that address is kept.
func (s *Search) IssuedBy(from, address string) error {
	if s.Default {
		s.issuer = address
		return nil
	}
	if SameServer(s.Server, address) {
		return nil
	}
	return exitcode.Errorf(exitcode.Login, "leave out --url and the variables that stand for it, or log in to that server",
		"%s is of a login to %s, and the server is %s: it is not sent there", from, address, s.Server)
}

// SameServer reports whether two addresses are of one server: with or without /api, a slash at
// the end, or the port that is meant anyway.
func SameServer(a, b string) bool {
	plain := func(text string) string {
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		u, err := url.Parse(text)
		if err != nil {
			return text
		}
		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		return strings.ToLower(u.Scheme+"://"+u.Hostname()) + ":" + port + strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api")
	}
	return plain(a) == plain(b)
}

// identityID is the id of the machine identity for a method, and where it is from.
func (s *Search) identityID(m *Method) (id, from string) {
	if id := strings.TrimSpace(s.Flags.IdentityID); id != "" {
		return id, "--identity-id"
	}
	return s.Text(Setting{Variables: append(append([]string{}, m.Identity...), generalIdentity), Stored: "infisical-identity-id"})
}

// generalIdentity is the variable with the id of a machine identity of any method.
const generalIdentity = "INFISICAL_MACHINE_IDENTITY_ID"

// organizationSlug is the sub-organisation to log in to, empty for the identity's own.
func (s *Search) organizationSlug() string {
	return cmp.Or(strings.TrimSpace(s.Flags.OrganizationSlug), s.variable("INFISICAL_AUTH_ORGANIZATION_SLUG"))
}
