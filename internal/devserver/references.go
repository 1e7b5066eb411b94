package devserver

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// referencePattern finds ${KEY}, ${env.KEY} and ${env.folder.KEY}.
var referencePattern = regexp.MustCompile(`\$\{([^}]+)\}`)

// maxExpansion is how often an expansion is expanded again; a secret that refers
// to itself shows it.
const maxExpansion = 10

// expander replaces references by values. A reference to nothing stays as it is.
// One that the caller may not read stays too on a server of 2024; a current
// server refuses the whole answer, so expander collects them.
type expander struct {
	c      *call
	p      *project
	denied []string // in words for the error's details, without values

	absoluteOnly bool // leave ${KEY} as it is: single reads of a server of July 2024 do
}

func (c *call) expander(p *project) *expander { return &expander{c: c, p: p} }

// failure is the refusal of an answer with references that may not be read.
func (e *expander) failure() error {
	if len(e.denied) == 0 {
		return nil
	}
	return &failure{
		status:  http.StatusForbidden,
		name:    "ForbiddenError",
		message: "Failed to expand one or more secret references",
		details: e.denied,
	}
}

// expand replaces the references of a value that stands in env and path. More
// places in which a plain ${KEY} is looked for first may be given.
func (e *expander) expand(value, env, path string, first ...place) string {
	return e.expandDeeper(value, env, path, first, 0)
}

func (e *expander) expandDeeper(value, env, path string, first []place, depth int) string {
	if depth > maxExpansion {
		return value
	}
	return referencePattern.ReplaceAllStringFunc(value, func(ref string) string {
		text := ref[2 : len(ref)-1]
		targetEnv, targetPath, key := env, path, text
		if words := strings.Split(text, "."); len(words) > 1 {
			targetEnv, key = words[0], words[len(words)-1]
			targetPath = "/" + strings.Join(words[1:len(words)-1], "/")
		} else if e.absoluteOnly {
			return ref
		} else {
			for _, at := range first {
				if at.f.shared(key) != nil {
					targetEnv, targetPath = at.env.Slug, at.path
					break
				}
			}
		}
		found, ok := e.fetch(targetEnv, targetPath, key)
		if !ok {
			return ref
		}
		return e.expandDeeper(found, targetEnv, targetPath, first, depth+1)
	})
}

func (e *expander) fetch(env, path, key string) (string, bool) {
	environment := e.p.env(env)
	if environment == nil {
		return "", false
	}
	f := environment.Root.walk(path)
	if f == nil {
		return "", false
	}
	x := f.shared(key)
	if x == nil {
		return "", false
	}
	if e.c.denied(e.p, env, path) || e.c.hidden(e.p, env, path, key) {
		if !e.c.old() {
			e.denied = append(e.denied, fmt.Sprintf("You are not allowed to read secret '%s' in environment '%s' at path '%s'", key, env, path))
		}
		return "", false
	}
	return x.Value, true
}
