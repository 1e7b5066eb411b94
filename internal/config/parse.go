package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Parse reads text as the file at path, an absolute one. Errors are of type
// *Error.
func Parse(path string, text []byte, keys Keys) (*File, error) {
	p := parser{path, keys}
	f := &File{Path: path, Identities: map[string]Section{}, Mounts: map[string]Section{}}
	root, err := p.document(text)
	if err != nil || root == nil {
		return f, err
	}
	parts, err := p.entries(root)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		switch part.key.Value {
		case "identities":
			f.Identities, err = p.sections(part.value, keys.Identity)
		case "mounts":
			known := maps.Clone(keys.Identity)
			maps.Copy(known, keys.Mount)
			known[Identity] = Key{}
			f.Mounts, err = p.sections(part.value, known)
		default:
			err = unknown(p.at(part.key), part.key.Value, []string{"identities", "mounts"})
		}
		if err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Mounts)) {
		if err := p.oneIdentity(f.Mounts[name]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

type parser struct {
	path string
	keys Keys
}

func (p parser) at(n *yaml.Node) Position { return Position{p.path, n.Line, n.Column} }

// entry is a key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

// entries reads a mapping. Nothing at all is an empty one.
func (p parser) entries(n *yaml.Node) ([]entry, error) {
	if err := p.plainly(n); err != nil {
		return nil, err
	}
	if isNothing(n) {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, &Error{p.at(n), "keys with values are wanted here", "write KEY: VALUE, one on each line"}
	}
	var list []entry
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if err := p.plainly(key); err != nil {
			return nil, err
		}
		if key.Kind != yaml.ScalarNode {
			return nil, &Error{p.at(key), "a key is a word, not a list or mapping", "quote it if it is meant as it is"}
		}
		if line, twice := lines[key.Value]; twice {
			return nil, &Error{p.at(key), quote(key.Value) + " is there twice", "keep one of them; the other is at " + Position{p.path, line, 0}.String()}
		}
		lines[key.Value] = key.Line
		list = append(list, entry{key, n.Content[i+1]})
	}
	return list, nil
}

// sections reads the named identities or mounts.
func (p parser) sections(n *yaml.Node, known map[string]Key) (map[string]Section, error) {
	list, err := p.entries(n)
	if err != nil {
		return nil, err
	}
	sections := map[string]Section{}
	for _, e := range list {
		name := e.key.Value
		if !isName(name) {
			return nil, &Error{p.at(e.key), quote(name) + " cannot be a name", "use letters, digits and . _ -, beginning with a letter or digit"}
		}
		s := Section{Name: name, At: p.at(e.key)}
		if s.Settings, err = p.settings(e.value, known); err != nil {
			return nil, err
		}
		sections[name] = s
	}
	return sections, nil
}

// isName leaves out what a command line, a path or systemd's %i would change.
func isName(name string) bool {
	for i, c := range name {
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !word && (i == 0 || !strings.ContainsRune("._-", c)) {
			return false
		}
	}
	return name != ""
}

func (p parser) settings(n *yaml.Node, known map[string]Key) ([]Setting, error) {
	list, err := p.entries(n)
	if err != nil {
		return nil, err
	}
	var settings []Setting
	for _, e := range list {
		name := e.key.Value
		key, ok := known[name]
		if !ok {
			return nil, unknownSetting(p.at(e.key), name, known)
		}
		s := Setting{Key: name, At: p.at(e.value)}
		values := []*yaml.Node{e.value}
		if key.List && e.value.Kind == yaml.SequenceNode {
			if err := p.plainly(e.value); err != nil {
				return nil, err
			}
			values = e.value.Content
		}
		for _, v := range values {
			text, err := p.value(name, v, key)
			if err != nil {
				return nil, err
			}
			s.Values, s.Each = append(s.Values, text), append(s.Each, p.at(v))
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// value reads a scalar as it is written, whatever type YAML would give it: 0440
// is a mode, and no is an environment.
func (p parser) value(name string, n *yaml.Node, key Key) (string, error) {
	if err := p.plainly(n); err != nil {
		return "", err
	}
	wrong := func(what string) error {
		return &Error{p.at(n), name + ": " + what, "write what the flag --" + name + " takes; see 'infisicalfs mount --help'"}
	}
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", wrong("one value is wanted, not a list or mapping")
	case isNothing(n):
		return "", &Error{p.at(n), name + " has no value", "give it one, or remove the line"}
	case strings.ContainsFunc(n.Value, unicode.IsControl):
		return "", wrong("one line without control characters is wanted")
	}
	if key.Check != nil {
		if err := key.Check(n.Value); err != nil {
			return "", wrong(err.Error())
		}
	}
	if !key.Path || n.Value == "" || filepath.IsAbs(n.Value) {
		return n.Value, nil
	}
	if below, ok := strings.CutPrefix(n.Value+"/", "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", wrong("there is no home directory that ~ could stand for")
		}
		return filepath.Join(home, below), nil
	}
	return filepath.Join(filepath.Dir(p.path), n.Value), nil
}

// oneIdentity refuses a mount that names an identity and says the same things
// itself: one of the two would have to lose.
func (p parser) oneIdentity(mount Section) error {
	if _, named := mount.Setting(Identity); !named {
		return nil
	}
	for _, s := range mount.Settings {
		if _, twice := p.keys.Identity[s.Key]; twice {
			return &Error{s.At, "the mount " + quote(mount.Name) + " names an identity and has a " + s.Key + " of its own",
				"move " + s.Key + " to the identity, or leave " + Identity + " away"}
		}
	}
	return nil
}
