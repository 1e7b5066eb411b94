package client

import (
	"cmp"
	"slices"
	"strings"

	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// merge makes one list of a folder's own secrets and its imports, as the server
// resolves them for a single read: own secrets win over imports, and among the
// imports the last.
func (c *Client) merge(dir secret.Dir, answer *wire.SecretList) []secret.Secret {
	list := c.pick(dir, answer.Own[""])
	for _, imported := range slices.Backward(answer.Imports) {
		from := secret.Dir{Project: dir.Project, Env: imported.Env, Path: imported.Path}
		given := nearest(imported.Secrets)
		for i := range given {
			given[i].Import = &from
		}
		list = addMissing(list, given)
	}
	return list
}

// nearest chooses one secret for each name of an import, and sorts them; it
// reorders list. Behind the source's own secrets there may be those that the
// source imports itself, so the first of a name counts, and not the newest.
func nearest(list []secret.Secret) []secret.Secret {
	byName(list)
	return slices.CompactFunc(list, func(a, b secret.Secret) bool { return a.Name == b.Name })
}

// pick chooses one secret for each name, and sorts them; it reorders list. Servers
// may send the shared and the user's personal value, in any order, and two shared
// secrets of one name, since creating is not exclusive: the newest wins.
func (c *Client) pick(dir secret.Dir, list []secret.Secret) []secret.Secret {
	if c.cfg.SharedOnly {
		list = slices.DeleteFunc(list, func(s secret.Secret) bool { return s.Personal })
	}
	byName(list)
	if eachOnce(list) { // as nearly always
		return list
	}
	chosen, twice, one := list[:0], 0, ""
	for _, s := range list {
		last := len(chosen) - 1
		if last < 0 || chosen[last].Name != s.Name {
			chosen = append(chosen, s)
			continue
		}
		if chosen[last].Personal == s.Personal {
			twice, one = twice+1, s.Name
		}
		if preferred(s, chosen[last]) {
			chosen[last] = s
		}
	}
	if twice > 0 {
		c.log.Warn("the server has two secrets of one name; the newest is shown", "in", dir.String(), "name", one, "more", twice-1)
	}
	clear(list[len(chosen):]) // the values of the others may go
	return chosen
}

func preferred(a, b secret.Secret) bool {
	if a.Personal != b.Personal {
		return a.Personal
	}
	return cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(a.Version, b.Version), cmp.Compare(a.ID, b.ID)) > 0
}

// byName sorts; those of one name stay in their order.
func byName(list []secret.Secret) {
	for i := 1; i < len(list); i++ {
		if list[i].Name < list[i-1].Name {
			slices.SortStableFunc(list, func(a, b secret.Secret) int { return strings.Compare(a.Name, b.Name) })
			return
		}
	}
}

// eachOnce reports whether no two of a sorted list have one name.
func eachOnce(list []secret.Secret) bool {
	for i := 1; i < len(list); i++ {
		if list[i].Name == list[i-1].Name {
			return false
		}
	}
	return true
}

// addMissing adds those of more to list whose name it does not have. Both are
// sorted, and so is what it returns.
func addMissing(list, more []secret.Secret) []secret.Secret {
	have := secret.Folder{Secrets: list}
	for _, s := range more {
		if _, taken := have.Secret(s.Name); !taken {
			list = append(list, s)
		}
	}
	if len(list) > len(have.Secrets) {
		byName(list)
	}
	return list
}
