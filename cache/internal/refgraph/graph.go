// Package refgraph knows which names the stored values of a project refer to, and so
// tells which snapshots show something that depends on a secret that was changed.
//
// Lists show values with their references resolved: DATABASE_URL shows another value
// when DB_USER is written, and nothing in its own snapshot says why. What a value
// refers to comes from elsewhere: from changes made here, from single secrets that
// were asked for as they are stored, and from surveys, which ask for all that is
// stored at and below a folder. The text of a version never changes, so what was
// learned of one stays right. No text is kept, and names only as hashes.
//
// The owner has a [Graph] for each project and serializes all calls. It makes no
// request: who gets [Unclear] from an [Effect] finds out more ([Graph.Learn],
// [Graph.SurveyEnded]) and asks again.
package refgraph

import (
	"maps"
	"time"

	"infisicalfs/secret"
)

// Graph is what is known of one project. The zero Graph knows nothing.
type Graph struct {
	// Raw: snapshots show values as they are stored, so that a value that refers to
	// others does not depend on them.
	Raw bool

	known     map[version]*text     // nil: the version refers to nothing
	referring []*text               // those that do
	surveys   map[secret.Dir]Survey // by the folder where the survey began
}

// version is one version of one secret; its id is a hash.
type version struct {
	id     uint64
	number int
}

// text is what one stored value refers to.
type text struct {
	name    uint64 // of the secret, a hash
	refs    []secret.Reference
	dynamic bool // the name in a reference is made of others: it may be any
}

const (
	// maxTexts bounds how many versions of a project are known. To forget costs
	// requests, nothing else.
	maxTexts = 200_000
	// maxSurveys bounds of how many surveys the outcome is known.
	maxSurveys = 1_000
	// maxChain is how many references servers follow one after another.
	maxChain = 10
)

func versionOf(s *secret.Secret) version { return version{secret.HashName(s.ID), s.Version} }

// Learn takes in a secret as it is stored. Of a hidden value nothing is learned.
func (g *Graph) Learn(s *secret.Secret) {
	if s.Hidden || s.ID == "" {
		return
	}
	at := versionOf(s)
	if _, ok := g.known[at]; ok {
		return
	}
	if len(g.known) >= maxTexts {
		*g = Graph{Raw: g.Raw}
	}
	if g.known == nil {
		g.known = map[version]*text{}
	}
	refs, dynamic := s.Value.References()
	if len(refs) == 0 && !dynamic {
		g.known[at] = nil
		return
	}
	found := &text{secret.HashName(s.Name), refs, dynamic}
	g.known[at] = found
	g.referring = append(g.referring, found)
}

// reach returns the names from which a change of the given ones is seen: those
// themselves, what refers to them, and so on, as deep as servers follow.
func (g *Graph) reach(names []uint64) map[uint64]bool {
	reached := make(map[uint64]bool, len(names))
	for _, name := range names {
		reached[name] = true
	}
	for range maxChain {
		before := len(reached)
		for _, text := range g.referring {
			if text.dynamic || text.refersTo(reached) {
				reached[text.name] = true
			}
		}
		if len(reached) == before {
			break
		}
	}
	return reached
}

func (t *text) refersTo(names map[uint64]bool) bool {
	for _, ref := range t.refs {
		if names[ref.Name] {
			return true
		}
	}
	return false
}

// Survey is the outcome of the last survey that began at a folder.
type Survey struct {
	At         time.Time // zero: there was none
	Done       bool      // one has succeeded, this one or an earlier one
	Impossible bool      // the last was too much for one answer, or not allowed
}

// SurveyAt returns the outcome of the last survey that began at top.
func (g *Graph) SurveyAt(top secret.Dir) Survey { return g.surveys[top] }

// SurveyEnded takes in the outcome of a survey. What it brought has to be learned
// besides.
func (g *Graph) SurveyEnded(top secret.Dir, outcome Survey) {
	if g.surveys == nil || len(g.surveys) >= maxSurveys {
		g.surveys = map[secret.Dir]Survey{}
	}
	outcome.Done = outcome.Done || g.surveys[top].Done
	g.surveys[top] = outcome
}

// ForgetFailedSurveys makes it worth while to try again what failed.
func (g *Graph) ForgetFailedSurveys() {
	maps.DeleteFunc(g.surveys, func(_ secret.Dir, s Survey) bool { return !s.Done })
}

// knowsEnv reports whether it is known what the secrets of a whole environment, a
// hash, refer to.
func (g *Graph) knowsEnv(env uint64) bool {
	for top, s := range g.surveys {
		if s.Done && top.Path == "/" && secret.HashName(top.Env) == env {
			return true
		}
	}
	return false
}

// surveyed reports whether a survey has told what may be read of a folder.
func (g *Graph) surveyed(dir secret.Dir) bool {
	for top, s := range g.surveys {
		if s.Done && top.Contains(dir) {
			return true
		}
	}
	return false
}
