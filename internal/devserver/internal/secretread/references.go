package secretread

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// referencePattern finds ${KEY}, ${env.KEY} and ${env.folder.KEY}.
var referencePattern = regexp.MustCompile(`\$\{([^}]+)\}`)

// referenceText is what current servers take inside of ${…}; anything else is
// plain text. (They look for names with a dot nowhere.)
var referenceText = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// maxExpansion is how often an expansion is expanded again.
const maxExpansion = 10

// expander replaces references by values. One that the caller may not read stays
// as it is on a server of 2024; a current server refuses the whole answer, so
// expander collects them. About one to nothing, or to an empty secret, the
// backends differ: the text stays (2024, Node), or nothing is in its place (Go).
type expander struct {
	c      *call.Call
	p      *store.Project
	denied []string // in words for the error's details, without values

	absoluteOnly bool // leave ${KEY} as it is: single reads of a server of July 2024 do
}

func newExpander(c *call.Call, p *store.Project) *expander { return &expander{c: c, p: p} }

// failure is the refusal of an answer with references that may not be read.
func (e *expander) failure() error {
	if len(e.denied) == 0 {
		return nil
	}
	return &web.Failure{
		Status:  http.StatusForbidden,
		Name:    "ForbiddenError",
		Message: "Failed to expand one or more secret references",
		Details: e.denied,
	}
}

// target is the place and key that a reference in env and path names.
func target(text, env, path string) (targetEnv, targetPath, key string, absolute bool) {
	words := strings.Split(text, ".")
	if len(words) == 1 {
		return env, path, text, false
	}
	return words[0], "/" + strings.Join(words[1:len(words)-1], "/"), words[len(words)-1], true
}

// expand replaces the references of a value that stands in env and path. More
// places in which a plain ${KEY} is looked for first may be given.
func (e *expander) expand(value, env, path string, first ...store.Place) string {
	if e.c.Old() {
		return e.expandOld(value, env, path, 0)
	}
	return e.expandNested(value, env, path, first, nil)
}

// expandOld is the expansion of 2024: ten levels deep, so that a secret that
// refers to itself shows it.
func (e *expander) expandOld(value, env, path string, depth int) string {
	if depth > maxExpansion {
		return value
	}
	return referencePattern.ReplaceAllStringFunc(value, func(ref string) string {
		env, path, key, absolute := target(ref[2:len(ref)-1], env, path)
		if e.absoluteOnly && !absolute {
			return ref
		}
		at, x := e.fetch(env, path, key, false)
		if x == nil {
			return ref
		}
		return e.expandOld(x.Value, at.Env.Slug, at.Path, depth+1)
	})
}

// expandNested is the expansion of today: of ${dev.${dev.FOLDER}.KEY} the inner
// reference goes first, and a circle ends where it would begin again. stack are
// the references that are being expanded.
func (e *expander) expandNested(value, env, path string, first []store.Place, stack []string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(value, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		inner, rest, closed := cutReference(rest)
		if !closed {
			out.WriteString("${")
			value = rest
			continue
		}
		if strings.Contains(inner, "${") {
			inner = e.expandNested(inner, env, path, first, stack)
		}
		out.WriteString(e.replacement(inner, env, path, first, stack))
		value = rest
	}
}

// cutReference splits what follows a "${" at the brace that closes it.
func cutReference(text string) (inner, rest string, closed bool) {
	depth := 1
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			depth++
		case text[i] == '}':
			if depth--; depth == 0 {
				return text[:i], text[i+1:], true
			}
		}
	}
	return "", text, false
}

func (e *expander) replacement(inner, env, path string, first []store.Place, stack []string) string {
	literal := "${" + inner + "}"
	targetEnv, targetPath, key, absolute := target(inner, env, path)
	name := targetEnv + ":" + targetPath + ":" + key
	if !referenceText.MatchString(inner) || slices.Contains(stack, name) || len(stack) == maxExpansion {
		return literal
	}
	var at store.Place
	var x *store.Secret
	if !absolute {
		for _, f := range first {
			if at, x = e.find(f, key, true); x != nil {
				break
			}
		}
	}
	if x == nil {
		at, x = e.fetch(targetEnv, targetPath, key, e.c.V4() && !absolute)
	}
	if x == nil || x.Value == "" {
		if e.c.GoReads() {
			return ""
		}
		return literal
	}
	return e.expandNested(x.Value, at.Env.Slug, at.Path, first, append(slices.Clone(stack), name))
}

// fetch finds a secret by its place, in the imports there as well if asked.
func (e *expander) fetch(env, path, key string, imports bool) (store.Place, *store.Secret) {
	at := store.Place{Project: e.p, Env: e.p.Env(env), Path: path}
	if at.Env == nil {
		return at, nil
	}
	if at.Folder = at.Env.Root.Walk(path); at.Folder == nil {
		return at, nil
	}
	return e.find(at, key, imports)
}

func (e *expander) find(at store.Place, key string, imports bool) (store.Place, *store.Secret) {
	x := at.Folder.Shared(key)
	if x == nil && imports {
		at, x = findImported(e.c, at, key)
	}
	if x == nil {
		return at, nil
	}
	if e.c.Denied(at.Project, at.Env.Slug, at.Path) || e.c.Hidden(at.Project, at.Env.Slug, at.Path, key) {
		if !e.c.Old() {
			e.denied = append(e.denied, fmt.Sprintf("You are not allowed to read secret '%s' in environment '%s' at path '%s'", key, at.Env.Slug, at.Path))
		}
		return at, nil
	}
	return at, x
}
