// Package config reads configuration files. A file has named identities, which
// say what server to talk to and as whom, and named mounts, which say what to
// show where:
//
//	identities:
//	  ci:
//	    url: https://infisical.example.com
//	    client-id: 00000000-0000-0000-0000-000000000000
//	    client-secret-file: ci.secret
//	mounts:
//	  app:
//	    identity: ci
//	    project: shop
//	    mountpoint: /srv/secrets
//
// The package knows this shape. Which keys there are and what each of them takes
// it is told ([Keys]). No error of it has a value of the file in it: people put
// secrets into the wrong places.
package config

import (
	"fmt"
	"maps"
	"slices"
)

// Identity is the key with which a mount names its identity.
const Identity = "identity"

// Config is what several files say together. If two have a mount or an identity
// of one name, the file that comes first decides, and nothing of the other is
// mixed in: what a person reads in one place is what holds.
type Config struct{ files []*File }

// Load reads the files at paths, which are passed over where they do not exist.
// The first one wins. Errors are of type *Error.
func Load(keys Keys, paths ...string) (*Config, error) {
	c := &Config{}
	for _, path := range paths {
		f, err := Read(path, keys)
		if err != nil {
			return nil, err
		}
		if f != nil {
			c.files = append(c.files, f)
		}
	}
	for _, f := range c.files {
		for _, m := range f.Mounts {
			if name, ok := m.Setting(Identity); ok {
				if _, known := c.Identity(name.Value()); !known {
					return nil, &Error{name.At, "no identity of this name is configured", listHint("identities", c.Identities())}
				}
			}
		}
	}
	return c, nil
}

// Paths names the files that were found.
func (c *Config) Paths() []string {
	var paths []string
	for _, f := range c.files {
		paths = append(paths, f.Path)
	}
	return paths
}

// Mount returns the mount of that name, if there is one.
func (c *Config) Mount(name string) (Section, bool) {
	for _, f := range c.files {
		if s, ok := f.Mounts[name]; ok {
			return s, true
		}
	}
	return Section{}, false
}

// Identity returns the identity of that name, if there is one.
func (c *Config) Identity(name string) (Section, bool) {
	for _, f := range c.files {
		if s, ok := f.Identities[name]; ok {
			return s, true
		}
	}
	return Section{}, false
}

// Mounts returns the names of all mounts, sorted.
func (c *Config) Mounts() []string {
	return c.names(func(f *File) map[string]Section { return f.Mounts })
}

// Identities returns the names of all identities, sorted.
func (c *Config) Identities() []string {
	return c.names(func(f *File) map[string]Section { return f.Identities })
}

func (c *Config) names(sections func(*File) map[string]Section) []string {
	all := map[string]Section{}
	for _, f := range c.files {
		maps.Copy(all, sections(f))
	}
	return slices.Sorted(maps.Keys(all))
}

// File is one configuration file.
type File struct {
	Path               string             // absolute
	Identities, Mounts map[string]Section // by name
}

// Section is one identity or one mount.
type Section struct {
	Name     string
	At       Position
	Settings []Setting // in the file's order, no key twice
}

// Setting returns the setting with that key, if there is one.
func (s Section) Setting(key string) (Setting, bool) {
	for _, setting := range s.Settings {
		if setting.Key == key {
			return setting, true
		}
	}
	return Setting{}, false
}

// Setting is a key with what the file gives it, as it is written there; paths
// are absolute.
type Setting struct {
	Key    string
	Values []string   // one, unless the key takes a list
	At     Position   // of the value, or the list
	Each   []Position // of each of Values
}

// Value is the one value of a key that takes no list.
func (s Setting) Value() string {
	if len(s.Values) == 0 {
		return ""
	}
	return s.Values[0]
}

// Position is a place in a file. Line and Column count from 1; they are 0 where
// it is not known, and for the whole file.
type Position struct {
	Path         string
	Line, Column int
}

// String is how compilers write it: PATH:LINE:COLUMN.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.Path
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.Path, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.Path, p.Line, p.Column)
}
