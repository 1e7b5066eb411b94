package devserver

import (
	"slices"
	"time"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Stored is what a server has of a shared secret.
type Stored struct {
	ID, Value, Comment string
	Version            int
}

// Lookup returns an own shared secret of a folder as it is stored, unexpanded,
// without a request. Project and environment are slugs, the path is absolute.
func (s *Server) Lookup(project, env, path, name string) (Stored, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.state.Folder(project, env, path)
	if f == nil {
		return Stored{}, false
	}
	x := f.Shared(name)
	if x == nil {
		return Stored{}, false
	}
	return Stored{x.ID, x.Value, x.Comment, x.Version}, true
}

// Names lists the shared secrets of a folder in the order in which they were
// made, without a request. A folder that does not exist has none.
func (s *Server) Names(project, env, path string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	if f := s.state.Folder(project, env, path); f != nil {
		for _, x := range f.Secrets {
			if !x.Personal {
				names = append(names, x.Key)
			}
		}
	}
	return names
}

// HasFolder reports whether a folder exists.
func (s *Server) HasFolder(project, env, path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Folder(project, env, path) != nil
}

// Approvals returns the requests for approvals that users' changes have become, the
// oldest first, without a request.
func (s *Server) Approvals() []store.Approval {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requested)
}

// Requests returns the requests since the start, or the last ResetRequests, in
// the order of their arrival, from which they count. Of very many only the
// latest 50 000 or more are kept.
func (s *Server) Requests() []web.Request { return s.log.All() }

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() { s.log.Reset() }

// Credentials returns what the identity of that name logs in with; the sample
// data has "admin" (may do everything), "viewer" (reads) and "no-access" (is in
// no project). They are made at random by [New] and kept in the data file. An
// unknown name gives the zero Credentials.
func (s *Server) Credentials(identity string) Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.state.IdentityNamed(identity)
	if id == nil {
		return Credentials{}
	}
	return Credentials{
		ClientID:       id.ClientID,
		ClientSecret:   id.ClientSecret,
		IdentityID:     id.ID,
		OrganizationID: s.state.OrgID,
	}
}

// IssueJWT signs claims as an issuer would that all methods of logging in with a JWT
// trust: a cluster, a CI system, a cloud.
func (s *Server) IssueJWT(claims map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.IssueJWT(claims)
}

// ServiceToken returns the service token of that name as it is handed out, empty if there is
// none.
func (s *Server) ServiceToken(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.state.ServiceTokens {
		if t.Name == name {
			return t.Text()
		}
	}
	return ""
}

// UserToken returns an access token of a logged-in user, who is an admin of
// every project and the only one who can have personal secrets. It lives ten days.
func (s *Server) UserToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.UserToken(time.Now())
}
