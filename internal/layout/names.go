package layout

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"infisicalfs/secret"
)

// apply writes a name in another way.
func (n Names) apply(name string) string {
	switch n {
	case Upper:
		return strings.ToUpper(name)
	case Lower:
		return strings.ToLower(name)
	case Kebab:
		return kebab(name)
	}
	return name
}

// kebab puts a dash for each underscore and before each new word of a name in
// camel case, and writes all small. Dots stay: server.key is one name.
func kebab(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		if r == '_' {
			r = '-'
		}
		if i > 0 && unicode.IsUpper(r) {
			before := runes[i-1]
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(before) || unicode.IsDigit(before) && next || unicode.IsUpper(before) && next {
				b.WriteByte('-')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// chosen returns those of a snapshot's secrets that are shown, as they are shown.
func (l *Layout) chosen(snap *secret.Folder) []secret.Secret {
	above := l.elements(snap.Dir)
	list := make([]secret.Secret, 0, len(snap.Secrets))
	for _, s := range snap.Secrets {
		if !l.showsSecret(above, s.Name) {
			continue
		}
		s.Value = l.value(s.Value)
		if name := l.name(above, s.Name); name != s.Name || l.cfg.Flat {
			s.Origin = &secret.Origin{Dir: snap.Dir, Name: s.Name}
			s.Name = name
		}
		list = append(list, s)
	}
	return list
}

// name returns what a secret is shown as.
func (l *Layout) name(above []string, name string) string {
	name = l.cfg.Names.apply(name)
	if !l.cfg.Flat {
		return name
	}
	var b strings.Builder
	for _, element := range above {
		b.WriteString(l.cfg.Names.apply(element))
		b.WriteString(l.cfg.Separator)
	}
	return b.String() + name
}

// merge puts secrets in order. Those that would have the same name are one, whose
// value is hidden: which of them a program gets must not be left to chance, and
// if none was listed nobody would know what is missing.
func (l *Layout) merge(list []secret.Secret) []secret.Secret {
	slices.SortStableFunc(list, func(a, b secret.Secret) int { return strings.Compare(a.Name, b.Name) })
	out := list[:0]
	for i := 0; i < len(list); {
		n := i + 1
		for n < len(list) && list[n].Name == list[i].Name {
			n++
		}
		if n-i > 1 {
			out = append(out, l.collision(list[i:n]))
		} else {
			out = append(out, list[i])
		}
		i = n
	}
	return out
}

// collision returns what is shown of several secrets of one name.
func (l *Layout) collision(list []secret.Secret) secret.Secret {
	one := secret.Secret{Name: list[0].Name, Hidden: true}
	var origins []string
	for _, s := range list {
		if one.Updated.Before(s.Updated) {
			one.Updated = s.Updated
		}
		origins = append(origins, l.origin(&s))
	}
	one.Reason = fmt.Sprintf("%s have the name %q here: rename one, leave one out with --exclude, or mount with other --names or another --separator",
		strings.Join(origins, " and "), one.Name)
	if l.warned.first(one.Reason) {
		l.log.Warn("a name stands for several secrets and cannot be read", "path", l.cfg.Root.String(), "reason", one.Reason)
	}
	return one
}

// origin says where a secret is on the server, relative to the root.
func (l *Layout) origin(s *secret.Secret) string {
	if s.Origin == nil {
		return s.Name
	}
	return strings.Join(append(l.elements(s.Origin.Dir), s.Origin.Name), "/")
}
