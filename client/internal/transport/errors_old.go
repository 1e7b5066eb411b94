package transport

import (
	"net/http"
	"slices"
	"strings"

	"infisicalfs/secret"
)

// Servers before October 2024 had no statuses of their own for what is missing
// and for a token that cannot be read: an absence is a 400 like any bad request,
// a dead token a 500 like any mishap. Only the words tell, so this is the one
// place that goes by them, and only by those that such servers were recorded to
// say. Later servers put a request id into every refusal: from them the same
// words mean nothing here.

// oldKind returns the meaning of such a refusal, nil if it is none.
func oldKind(e *APIError) error {
	switch {
	case e.RequestID != "":
		return nil
	case e.Status == http.StatusBadRequest && saysMissing(e.Message):
		return secret.ErrNotFound
	case e.Status == http.StatusBadRequest && strings.HasSuffix(e.Message, "access token number of uses limit reached"):
		return secret.ErrUnauthenticated
	case e.Status == http.StatusInternalServerError && e.Name == "Internal Server Error" && saysDeadToken(e.Message):
		return secret.ErrUnauthenticated
	}
	return nil
}

// saysMissing knows the sentences about a secret, a folder, an environment and a
// project. Others that end in "not found" are about a part of the request.
func saysMissing(text string) bool {
	switch text {
	case "Secret not found", "Folder not found", "Folder not found for the given environment slug & secret path",
		"Secret path not found", "Environment not found", "Project not found during bot lookup.":
		return true
	}
	return strings.HasPrefix(text, "Secret not found: blind index ")
}

// saysDeadToken knows what the token library says, which went out as it was.
func saysDeadToken(text string) bool {
	return slices.Contains([]string{"jwt expired", "jwt malformed", "invalid signature"}, text)
}
