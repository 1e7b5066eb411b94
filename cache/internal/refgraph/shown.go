package refgraph

import (
	"slices"

	"infisicalfs/secret"
)

// Shown is what the values of one snapshot refer to.
type Shown struct {
	of       *secret.Folder
	refs     []secret.Reference
	dynamic  bool     // some reference may be to any name
	imports  bool     // something is imported
	imported []uint64 // names of what is imported, hashes
	unknown  []string // the environments of secrets of whose stored text nothing is known
}

// Shown returns what folder refers to. Last is what an earlier call returned for the
// same snapshot, or any other, or nil: it is returned again unless there may be more
// to know by now.
func (g *Graph) Shown(folder *secret.Folder, last *Shown) *Shown {
	if last != nil && last.of == folder && len(last.unknown) == 0 {
		return last
	}
	s := &Shown{of: folder, imports: folder.Imports}
	for i := range folder.Secrets {
		g.add(s, &folder.Secrets[i])
	}
	return s
}

// add adds what one secret refers to.
func (g *Graph) add(s *Shown, found *secret.Secret) {
	at := s.of.Dir
	if found.Import != nil {
		at, s.imports = *found.Import, true
		s.imported = append(s.imported, secret.HashName(found.Name))
	}
	if g.Raw {
		refs, dynamic := found.Value.References()
		s.refs, s.dynamic = append(s.refs, refs...), s.dynamic || dynamic
		return
	}
	text, known := g.known[versionOf(found)]
	switch {
	case known && text != nil:
		s.refs, s.dynamic = append(s.refs, text.refs...), s.dynamic || text.dynamic
	case known:
	case found.Hidden && g.surveyed(at): // nor would its value be shown
	case !slices.Contains(s.unknown, at.Env):
		s.unknown = append(s.unknown, at.Env)
	}
}

// Unknown returns the environments that have secrets which are shown and of whose
// stored text nothing is known.
func (s *Shown) Unknown() []string { return s.unknown }

// Edited returns s for a snapshot that an edit has made out of the one it is about:
// what the edit brought in refers to nothing, and what it took away does no harm.
func (s *Shown) Edited(from, to *secret.Folder) *Shown {
	if s == nil || s.of != from {
		return nil
	}
	next := *s
	next.of = to
	return &next
}
