package refgraph

import "infisicalfs/secret"

// Change is a change of secrets. Other values that are shown, also in other folders
// of the project, may refer to them.
type Change struct {
	Dir    secret.Dir
	Names  []uint64 // of the secrets, as secret.HashName has them
	All    bool     // a folder has another name: so has whatever is in it
	Comes  bool     // a name came or went, which imports pass on
	Number uint64   // of the owner's choice, to tell changes apart
}

// Dependence is whether a snapshot shows something that refers to what was changed.
type Dependence int

const (
	Independent Dependence = iota
	Unclear                // not before more is known of what is stored
	Dependent
)

// Effect is what one change does to the snapshots of its project.
type Effect struct {
	graph   *Graph
	change  Change
	reached map[uint64]bool // names from which the change is seen
	unknown map[string]bool // environments of which something is shown whose text is not known
}

// Effect returns what a change does, where shown is all that is shown of the project.
// It is of use until something is learned.
func (g *Graph) Effect(ch Change, shown []*Shown) *Effect {
	f := &Effect{g, ch, g.reach(ch.Names), map[string]bool{}}
	for _, s := range shown {
		for _, env := range s.unknown {
			f.unknown[env] = true
		}
	}
	return f
}

// On says whether the snapshot of s depends on the change.
func (f *Effect) On(s *Shown) Dependence {
	switch {
	case !f.graph.Raw:
	case s.imports: // servers resolve the references in what is imported all the same
		return Dependent
	case !f.change.Comes: // what is shown refers to the same as before
		return Independent
	}
	elsewhere := s.of.Dir != f.change.Dir
	switch {
	case s.dynamic:
		return Dependent
	case f.change.All && (len(s.refs) > 0 || s.imports):
		return Dependent
	case f.change.Comes && s.imports && elsewhere:
		return Dependent
	}
	for _, name := range s.imported {
		if f.reached[name] && elsewhere { // here it was just written over
			return Dependent
		}
	}
	return f.byReferences(s)
}

// byReferences follows each reference that is shown.
func (f *Effect) byReferences(s *Shown) Dependence {
	env := s.of.Dir.Env
	here, found := secret.HashName(env), Independent
	for _, ref := range s.refs {
		switch {
		case f.reached[ref.Name]:
			return Dependent
		case ref.Env == 0 || f.graph.Raw || f.graph.knowsEnv(ref.Env):
		case ref.Env != here: // what it refers to may refer to anything
			return Dependent
		default:
			found = Unclear
		}
	}
	if len(s.unknown) > 0 || len(s.refs) > 0 && f.unknown[env] {
		return Unclear
	}
	return found
}
