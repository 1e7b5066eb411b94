package login

import (
	"net"
	"net/netip"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// method is a way to log in whose body has the identity's id.
type method struct {
	path   string                   // of its route
	since  func(web.Profile) bool   // which servers have it
	fields func(*web.Form) claimant // reads what else its body has
	check  func(*attempt) *web.Failure
	locks  bool // wrong logins are counted, and then none is taken for a while
}

// claimant is what somebody shows who wants to log in; each method has fields of its own.
type claimant map[string]string

// attempt is one login.
type attempt struct {
	*call.Call
	identity *store.Identity
	setup    *store.Login
	shown    claimant
}

func (m *method) login(c *call.Call) (any, error) {
	f := c.BodyForm()
	identityID, slug, shown := f.Str("identityId"), f.OptStr("organizationSlug"), m.fields(f)
	if slug != nil && (len(*slug) < 1 || len(*slug) > 64) {
		f.TooShort(f.Path("organizationSlug"), 1)
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	id := c.State.IdentityByID(identityID)
	var setup *store.Login
	if id != nil {
		setup = id.LoginBy(m.path)
	}
	if setup == nil {
		return nil, web.NotFound("%s auth method not found for identity, did you configure %s auth?", m.path, m.path)
	}
	if m.locks {
		if locked := lockedOut(c, &setup.Lockout); locked != nil {
			return nil, locked
		}
	}
	if refused := m.check(&attempt{c, id, setup, shown}); refused != nil {
		if m.locks {
			countFailure(c, &setup.Lockout)
		}
		return nil, refused
	}
	setup.Failures = 0
	if refused := addressRefused(c, setup.Addresses); refused != nil {
		return nil, refused
	}
	orgID, refused := organization(c, id, slug)
	if refused != nil {
		return nil, refused
	}
	return grant(c, id, m.path, orgID), nil
}

// addressRefused is the refusal of a caller whose address has none of the prefixes.
func addressRefused(c *call.Call, prefixes []string) *web.Failure {
	if len(prefixes) == 0 {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Request.RemoteAddr)
	if address, bad := netip.ParseAddr(host); err == nil && bad == nil {
		for _, text := range prefixes {
			if prefix, err := netip.ParsePrefix(text); err == nil && prefix.Contains(address.Unmap()) {
				return nil
			}
		}
	}
	return web.Fail(403, "ForbiddenError", "You are not allowed to access this resource from the current IP address")
}

// organization is the id of the sub-organisation to log in to, empty for the identity's own.
func organization(c *call.Call, id *store.Identity, slug *string) (string, *web.Failure) {
	if slug == nil || c.Old() { // servers of 2024 do not know the field
		return "", nil
	}
	orgID, known := c.State.Organizations[*slug]
	if !known {
		return "", web.NotFound("Sub organization with slug %s not found", *slug)
	}
	for _, member := range id.Organizations {
		if member == *slug {
			return orgID, nil
		}
	}
	return "", web.Unauthorized("Identity not authorized to access sub organization %s", *slug)
}
