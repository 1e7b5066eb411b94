package devserver

import (
	"fmt"
	"net/http"
	"strings"
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
	if c.s.profile != CurrentGo || c.route.method != http.MethodGet {
		return false
	}
	p := c.route.pattern
	return (strings.HasPrefix(p, "/api/v4/secrets") || strings.HasPrefix(p, "/api/v3/secrets/raw")) && !strings.Contains(p, "/id/")
}

// fieldError is what that backend says about a field of an invalid request.
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// asGo puts a refusal into the words of the backend in Go.
func asGo(f *failure) *failure {
	g := *f
	g.details = nil // an object or nothing, never a list
	switch f.name {
	case "ValidationFailure":
		g.status, g.message = http.StatusBadRequest, "Validation failed"
		issues, _ := f.message.([]issue)
		for _, i := range issues {
			g.fields = append(g.fields, fieldError{strings.Trim(fmt.Sprint(i.Path), "[]"), i.Message})
		}
	case "ForbiddenError":
		if f.details != nil {
			g.message = "Permission denied for secret reference expansion"
		}
	}
	return &g
}

// emptyList is the list of a folder of which the caller may know nothing.
func emptyList() listAnswer { return listAnswer{Secrets: []secretJSON{}} }
