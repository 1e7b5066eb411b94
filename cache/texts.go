package cache

import "infisicalfs/secret"

// texts is what is known of the stored values of one project: what they refer to.
// Lists show values with their references resolved, so it comes from elsewhere: from
// changes of our own, from single secrets that were asked for as they are stored,
// and from surveys. The text of a version never changes, so it stays right. Texts are
// not kept, and names only as hashes. [Cache.mu] guards it.
type texts struct {
	known     map[version]*text       // nil: it refers to nothing
	referring []*text                 // those that do
	surveyed  map[secret.Dir]surveyed // by where the survey began
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

// maxTexts bounds how many versions of a project are known.
const maxTexts = 200_000

func versionOf(s *secret.Secret) version { return version{secret.HashName(s.ID), s.Version} }

// learn takes in a secret as it is stored.
func (t *texts) learn(s *secret.Secret) {
	if s.Hidden || s.ID == "" {
		return
	}
	at := versionOf(s)
	if _, ok := t.known[at]; ok {
		return
	}
	if len(t.known) >= maxTexts {
		*t = texts{} // costs requests, nothing else
	}
	if t.known == nil {
		t.known = map[version]*text{}
	}
	refs, dynamic := s.Value.References()
	if len(refs) == 0 && !dynamic {
		t.known[at] = nil
		return
	}
	found := &text{secret.HashName(s.Name), refs, dynamic}
	t.known[at] = found
	t.referring = append(t.referring, found)
}

// reach returns the names from which a change of the given ones is seen: those
// themselves, what refers to them, and so on, as deep as servers follow.
func (t *texts) reach(names []uint64) map[uint64]bool {
	reached := make(map[uint64]bool, len(names))
	for _, name := range names {
		reached[name] = true
	}
	for range maxChain {
		before := len(reached)
		for _, text := range t.referring {
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

// maxChain is how many references servers follow one after another.
const maxChain = 10

func (t *text) refersTo(names map[uint64]bool) bool {
	for _, ref := range t.refs {
		if names[ref.Name] {
			return true
		}
	}
	return false
}
