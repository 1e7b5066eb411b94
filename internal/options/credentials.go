package options

import (
	"context"

	"infisicalfs/internal/credential"
)

// ErrNoCredentials is wrapped by the error where none are found.
var ErrNoCredentials = credential.ErrNoCredentials

// Found is the outcome of looking for credentials.
type Found = credential.Found

// Credentials looks for what to log in with; which place counts is in the package credential.
func (o *Server) Credentials(lookup func(string) (string, bool)) (Found, error) {
	return o.search(lookup).Find(context.Background())
}

// InspectCredentials is [Server.Credentials] for who only wants to know: no file is removed.
func (o *Server) InspectCredentials(lookup func(string) (string, bool)) (Found, error) {
	s := o.search(lookup)
	s.ReadOnly = true
	return s.Find(context.Background())
}

func (o *Server) search(lookup func(string) (string, bool)) *credential.Search {
	s := &credential.Search{Flags: &o.Who, Lookup: lookup, Server: o.address(lookup), Default: FirstOf(lookup, o.url, Borrowed["url"]...) == ""}
	if o.caCert != "" {
		s.RootCAs, _ = loadAuthorities(o.caCert) // an error is told by ClientConfig
	}
	return s
}

// LooksLikeSecret recognises a token where the name of its file is wanted.
func LooksLikeSecret(path string) bool { return credential.LooksLikeSecret(path) }
