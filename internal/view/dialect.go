package view

import (
	"unicode/utf8"

	"infisicalfs/secret"
)

// dialect is a format of names and values.
type dialect struct {
	name                string
	begin, between, end string
	empty               string // all of it, for a folder without secrets
	key                 func(name string) (why string)
	entry               func(p *buffer, name string, value []byte) (why string)
}

// dialects are sorted by name. The first is written for the readers of env.
func dialects(env EnvDialect) []dialect {
	return append([]dialect{{name: ".env", key: dotenvName, entry: env.entry()}}, others...)
}

// others are those that are written in one way.
var others = []dialect{
	{name: ".env.compose", key: dotenvName, entry: composeDotenv},
	{name: ".env.docker", key: dockerName, entry: docker},
	{name: ".env.expand", key: dotenvName, entry: expandDotenv},
	{name: ".env.sh", key: shellName, entry: shell},
	{name: ".env.systemd", key: identifier, entry: systemd},
	{name: ".secrets.json", begin: "{\n  ", between: ",\n  ", end: "\n}\n", empty: "{}\n", key: anyName, entry: jsonEntry},
	{name: ".secrets.toml", key: anyName, entry: tomlEntry},
	{name: ".secrets.yaml", empty: "{}\n", key: yamlName, entry: yamlEntry},
}

// write writes all secrets of f. If it cannot, it looks at the others all the
// same, so that the error says whether mending one is enough.
func (d *dialect) write(p *buffer, f *secret.Folder) error {
	if len(f.Secrets) == 0 {
		p.add(d.empty)
		return nil
	}
	var first *Error
	p.add(d.begin)
	for i := range f.Secrets {
		if i > 0 {
			p.add(d.between)
		}
		switch err := d.secret(p, &f.Secrets[i]); {
		case err != nil && first == nil:
			first = err
		case err != nil:
			first.Others++
		}
	}
	p.add(d.end)
	switch {
	case first != nil:
		return first
	case p.full:
		return errTooLarge
	}
	return nil
}

func (d *dialect) secret(p *buffer, s *secret.Secret) *Error {
	if err := readable(s); err != nil {
		return err
	}
	why := d.key(s.Name)
	if why == "" {
		value := p.take(s.Value)
		if !utf8.Valid(value) {
			why = "the value is not UTF-8"
		} else {
			why = d.entry(p, s.Name, value)
		}
	}
	if why == "" {
		return nil
	}
	return &Error{Key: s.Name, Why: why, kind: secret.ErrInvalid}
}

// readable says why the value may not be shown.
func readable(s *secret.Secret) *Error {
	if !s.Hidden {
		return nil
	}
	return &Error{Key: s.Name, Why: "its value " + whyUnreadable(s), kind: kindOf(s)}
}

func whyUnreadable(s *secret.Secret) string {
	if s.Garbled {
		return "is damaged in the server's answer: " + s.Reason
	}
	return "is hidden: " + s.Reason
}

// kindOf is what it means that s has no value.
func kindOf(s *secret.Secret) error {
	if s.Garbled {
		return secret.ErrUnavailable
	}
	return secret.ErrDenied
}
