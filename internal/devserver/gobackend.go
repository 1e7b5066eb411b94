package devserver

import (
	"net/http"
	"strings"

	"infisicalfs/internal/devserver/internal/web"
)

// Newest servers have a second backend, written in Go. It answers lists and
// single reads of secrets, behind the same addresses, by some rules of its own;
// nothing in an answer tells which of the two made it. The profile CurrentGo has
// it, and is like Current elsewhere. What else differs is asked for by goReads
// where it matters: v3 expands and imports unless told not to; a value that may
// not be read is hidden in the list, which is not refused for it, and a folder
// that may not be seen looks empty; a reference to nothing is nothing; an
// import's entry repeats names; and no imports are no field.

// goReads reports whether the backend in Go answers.
func (c *call) goReads() bool {
	if c.profile != web.CurrentGo || c.route.method != http.MethodGet {
		return false
	}
	p := c.route.pattern
	return (strings.HasPrefix(p, "/api/v4/secrets") || strings.HasPrefix(p, "/api/v3/secrets/raw")) && !strings.Contains(p, "/id/")
}

// emptyList is the list of a folder of which the caller may know nothing.
func emptyList() listAnswer { return listAnswer{Secrets: []secretJSON{}} }
