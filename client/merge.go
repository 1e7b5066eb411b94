package client

import (
	"cmp"
	"slices"

	"infisicalfs/secret"
)

// merge makes one list of a folder's own secrets and its imports, as the server
// resolves them for a single read: own secrets win over imports, and among the
// imports the last.
func (c *Client) merge(dir secret.Dir, wire wireSecrets) []secret.Secret {
	byName := c.pick(dir, wire.Secrets)
	for _, imported := range slices.Backward(wire.Imports) {
		from := secret.Dir{Project: dir.Project, Env: imported.Environment, Path: imported.SecretPath}
		for name, s := range c.pick(from, imported.Secrets) {
			if _, taken := byName[name]; !taken {
				s.Import = &from
				byName[name] = s
			}
		}
	}
	return sorted(byName)
}

// pick chooses one secret for each name. Servers may send the shared and the
// user's personal value, in any order, and two shared secrets of one name,
// since creating is not exclusive: the newest wins.
func (c *Client) pick(dir secret.Dir, wire []wireSecret) map[string]secret.Secret {
	byName := make(map[string]secret.Secret, len(wire))
	for _, w := range wire {
		s := w.secret()
		if s.Personal && c.cfg.SharedOnly {
			continue
		}
		old, twice := byName[s.Name]
		if twice && old.Personal == s.Personal {
			c.log.Warn("the server has two secrets of one name; the newest is shown", "in", dir.String(), "name", s.Name)
		}
		if !twice || preferred(s, old) {
			byName[s.Name] = s
		}
	}
	return byName
}

func preferred(a, b secret.Secret) bool {
	if a.Personal != b.Personal {
		return a.Personal
	}
	return cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(a.Version, b.Version), cmp.Compare(a.ID, b.ID)) > 0
}

func sorted(byName map[string]secret.Secret) []secret.Secret {
	f := secret.Folder{Secrets: make([]secret.Secret, 0, len(byName))}
	for _, s := range byName {
		f.Secrets = append(f.Secrets, s)
	}
	f.Sort()
	return f.Secrets
}
