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
	return o.find(o.search(lookup))
}

// InspectCredentials is [Server.Credentials] for who only wants to know: no file is removed.
func (o *Server) InspectCredentials(lookup func(string) (string, bool)) (Found, error) {
	s := o.search(lookup)
	s.ReadOnly = true
	return o.find(s)
}

func (o *Server) find(s *credential.Search) (Found, error) {
	found, err := s.Find(context.Background())
	for _, of := range []struct{ flag, file string }{{headersFlag, o.headersFile}, {keyFlag, o.keyFile()}} {
		if err != nil || of.file == "" {
			continue
		}
		var warning string
		if warning, err = o.Who.Guard("--"+of.flag, of.file); warning != "" {
			found.Warnings = append(found.Warnings, warning)
		}
	}
	return found, err
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
