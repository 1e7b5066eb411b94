package devserver

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
