package secret

import (
	"hash/maphash"
	"runtime"
	"strings"
)

// Reference is what a ${…} in a stored value refers to. Names are [HashName]s, so that
// nothing of the value is kept. Env is zero if no environment is named.
type Reference struct{ Name, Env uint64 }

// HashName returns a number that stands for a name. It means nothing outside of this
// process.
func HashName(name string) uint64 { return maphash.String(seed, name) }

// References finds what a stored value refers to, in its own project. Servers differ
// in what they take for a name, so anything between the braces counts. dynamic: the
// name in some reference is made of others, so it may be any.
func (v Value) References() (refs []Reference, dynamic bool) {
	if !v.HasReference() {
		return nil, false
	}
	defer runtime.KeepAlive(v.text)
	for rest := *v.text; ; {
		_, after, found := strings.Cut(rest, "${")
		inner, behind, closed := strings.Cut(after, "}")
		if !found || !closed {
			return refs, dynamic
		}
		rest = behind
		if strings.Contains(inner, "${") || strings.ContainsRune(inner, '\\') { // the latter makes a dot a part of the name
			dynamic = true
			continue
		}
		words := strings.Split(inner, ".")
		ref := Reference{Name: HashName(strings.TrimSpace(words[len(words)-1]))}
		if first := strings.TrimSpace(words[0]); len(words) > 1 && !strings.HasPrefix(first, "@") { // that is a project
			ref.Env = HashName(first)
		}
		refs = append(refs, ref)
	}
}
