package store

import (
	"slices"
	"time"
)

// Login is how an identity may log in with one method. What is empty is not looked at,
// unless the method cannot do without.
type Login struct {
	Method string `json:"method"` // as in the route: kubernetes-auth

	// Of methods that take a JWT.
	Issuer    string            `json:"issuer,omitempty"`
	Audiences []string          `json:"audiences,omitempty"`
	Subject   string            `json:"subject,omitempty"` // a pattern as of path.Match
	Claims    map[string]string `json:"claims,omitempty"`  // that a JWT must have

	Username string `json:"username,omitempty"` // ldap-auth
	Password string `json:"password,omitempty"`

	Authority   string   `json:"authority,omitempty"` // tls-cert-auth: PEM of who signs certificates
	CommonNames []string `json:"commonNames,omitempty"`

	// Of clouds that sign requests: whose key it is, and by which it is known here.
	AccessKeys map[string]string `json:"accessKeys,omitempty"` // secrets by id (aws-auth, where a session token follows behind a blank; alicloud-auth)
	PublicKey  string            `json:"publicKey,omitempty"`  // PEM (oci-auth, gcp-auth with a key file)
	Principal  string            `json:"principal,omitempty"`  // the ARN or tenancy that the key belongs to
	Allowed    []string          `json:"allowed,omitempty"`    // principals: ARNs, accounts, users; none: any
	Nonces     []string          `json:"nonces,omitempty"`     // that were used (alicloud-auth)

	Addresses []string `json:"addresses,omitempty"` // of callers, as prefixes; none: any
	Lockout
}

// LoginBy returns how the identity may log in with a method, nil if it may not.
func (i *Identity) LoginBy(method string) *Login {
	return Find(i.Logins, func(l *Login) bool { return l.Method == method })
}

func (i *Identity) dropLogin(method string) {
	i.Logins = slices.DeleteFunc(i.Logins, func(l *Login) bool { return l.Method == method })
}

// SetLogin lets an identity log in with a method, in place of what was set up for it before.
func (e *Editor) SetLogin(identityName string, login Login) error {
	return e.identity(identityName, func(_ *State, id *Identity, _ time.Time) error {
		id.dropLogin(login.Method)
		id.Logins = append(id.Logins, &login)
		return nil
	})
}

// RemoveLogin takes a method from an identity. Its tokens live on.
func (e *Editor) RemoveLogin(identityName, method string) error {
	return e.identity(identityName, func(_ *State, id *Identity, _ time.Time) error {
		id.dropLogin(method)
		return nil
	})
}

// SetAddresses says from which addresses an identity may log in with universal auth.
func (e *Editor) SetAddresses(identityName string, prefixes ...string) error {
	return e.identity(identityName, func(_ *State, id *Identity, _ time.Time) error {
		id.Addresses = prefixes
		return nil
	})
}

// AddOrganization makes a sub-organisation with these identities as members.
func (e *Editor) AddOrganization(slug string, members ...string) error {
	return e.change(func(st *State, _ time.Time) error {
		if st.Organizations == nil {
			st.Organizations = map[string]string{}
		}
		st.Organizations[slug] = NewUUID()
		for _, name := range members {
			if id := st.IdentityNamed(name); id != nil {
				id.Organizations = append(id.Organizations, slug)
			}
		}
		return nil
	})
}
