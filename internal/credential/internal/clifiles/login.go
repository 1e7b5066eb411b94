package clifiles

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Login is one that the configuration knows.
type Login struct {
	Key    string // under which its token is kept: the profile's name or the e-mail address
	Domain string // address of the server that has issued the token
	By     string // what has picked it, for people
}

// Vendor is the address of the server where the configuration names none.
const Vendor = "https://app.infisical.com"

// Wish says which login is wanted.
type Wish struct {
	Profile string // by its name; empty: whichever is the current one
	By      string // who names it, for people
	Dir     string // absolute directory that may be bound to a profile; empty: none

	// Organization is that of the login, by its id, slug or name; empty: whichever the
	// profile is logged in to.
	Organization string
}

var (
	// ErrNobody means that nobody is logged in.
	ErrNobody = errors.New("nobody is logged in")

	// ErrNoProfile means that a profile is named that the configuration does not have.
	ErrNoProfile = errors.New("there is no such profile")

	// ErrOrganization means that the profile is logged in to another organisation than is wished for.
	ErrOrganization = errors.New("it is logged in to another organisation")

	// ErrContradiction means that the configuration names two servers for one login.
	ErrContradiction = errors.New("it names two servers for one login")
)

// Login picks a login: the profile that is wished for; the one that the nearest
// directory upwards is bound to; the active one; whoever is logged in in the older
// layout, which knows no organisations. The errors wrap [ErrNobody], [ErrNoProfile],
// [ErrOrganization] or [ErrContradiction].
func (c *Config) Login(w Wish) (Login, error) {
	l, err := c.pick(w)
	if err == nil {
		err = c.belongs(l.Key, w.Organization)
	}
	if err != nil {
		return Login{}, err
	}
	return l, nil
}

// belongs fails if a profile is logged in to another organisation. Where the tool keeps what it
// has got for one more organisation is not known, so the token would be for the wrong one.
func (c *Config) belongs(name, organization string) error {
	for _, p := range c.Profiles {
		if p.Name == name && organization != "" && !slices.Contains([]string{p.OrganizationID, p.OrganizationSlug, p.OrganizationName}, organization) {
			return fmt.Errorf("%s: the profile %q: %w, %s, and not %s", c.Path, name, ErrOrganization,
				cmp.Or(p.OrganizationSlug, p.OrganizationName, p.OrganizationID, "none"), organization)
		}
	}
	return nil
}

func (c *Config) pick(w Wish) (Login, error) {
	if w.Profile != "" {
		return c.named(w.Profile, w.By)
	}
	if name, dir := c.bound(w.Dir); name != "" {
		return c.named(name, "the binding of "+dir)
	}
	if c.ActiveProfile != "" {
		return c.named(c.ActiveProfile, "activeProfile")
	}
	if c.Email != "" {
		return c.named(c.Email, "loggedInUserEmail")
	}
	return Login{}, fmt.Errorf("%s: %w", c.Path, ErrNobody)
}

// bound is the profile that a directory, or else the nearest one above it, is bound to.
func (c *Config) bound(dir string) (name, at string) {
	if !filepath.IsAbs(dir) {
		return "", ""
	}
	bindings := map[string]string{}
	for path, profile := range c.Directories {
		bindings[filepath.Clean(path)] = profile
	}
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		if name := bindings[dir]; name != "" {
			return name, dir
		}
		if dir == filepath.Dir(dir) {
			return "", ""
		}
	}
}

// named is the login of that name, which is an e-mail address in the older layout. Its server is
// the one that all places agree about that name one.
func (c *Config) named(name, by string) (Login, error) {
	l := Login{Key: name, By: by}
	var known []string // names, for an error
	found := false
	var domains []string
	for _, p := range c.Profiles {
		known = append(known, p.Name)
		if p.Name == name {
			found, domains = true, append(domains, p.Domain)
		}
	}
	if !found { // what the older layout says of a profile is a copy
		for _, u := range c.Users {
			known = append(known, u.Email)
			if u.Email == name {
				found, domains = true, append(domains, u.Domain)
			}
		}
		if name == c.Email {
			found, domains = true, append(domains, c.Domain)
		}
	}
	if !found {
		slices.Sort(known)
		return Login{}, fmt.Errorf("%s: %s picks %q: %w (there is: %s)", c.Path, by, name, ErrNoProfile, cmp.Or(strings.Join(slices.Compact(known), ", "), "none"))
	}
	for _, domain := range domains {
		switch domain = strings.TrimSuffix(strings.TrimRight(domain, "/"), "/api"); {
		case domain == "" || domain == l.Domain:
		case l.Domain == "":
			l.Domain = domain
		default:
			return Login{}, fmt.Errorf("%s: %w: %s and %s for %s", c.Path, ErrContradiction, l.Domain, domain, name)
		}
	}
	l.Domain = cmp.Or(l.Domain, Vendor)
	return l, nil
}
