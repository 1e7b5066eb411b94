package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Profile says which generation of Infisical is imitated.
type Profile string

// The profiles. The two newest have the same routes and state; CurrentGo answers
// lists and single reads of secrets by the rules of the second backend, written
// in Go, that newest servers have (asGo). The two oldest have the routes of 2024;
// what July2024 says differently is in asJuly.
const (
	Current   Profile = "current"
	CurrentGo Profile = "current-go"
	Y2024     Profile = "2024"
	July2024  Profile = "2024-07"
)

// Profiles returns all profiles, the newest first.
func Profiles() []Profile { return []Profile{Current, CurrentGo, Y2024, July2024} }

// Old reports whether the profile has the routes of 2024 only: v3 secrets, v1
// folders and workspaces, and no hidden values.
func (p Profile) Old() bool { return p == Y2024 || p == July2024 }

// Check is an error for a profile that does not exist.
func (p Profile) Check() error {
	if slices.Contains(Profiles(), p) {
		return nil
	}
	var names []string
	for _, known := range Profiles() {
		names = append(names, fmt.Sprintf("%q", string(known)))
	}
	return fmt.Errorf("unknown profile %q: use %s", string(p), strings.Join(names, ", "))
}

// What a server of July 2024 does differently from one of October that is not
// said where it happens. Its error handler knew fewer kinds of errors, and used
// some statuses the other way round; what its libraries threw came out as it was.

// asJuly turns what a server of October says into the words of July.
func asJuly(f *Failure) *Failure {
	g := *f
	text, _ := f.Message.(string)
	switch {
	case f.Name == "TokenError":
		g.Status, g.Name = http.StatusInternalServerError, "Internal Server Error"
		switch {
		case strings.HasPrefix(text, "Your token has expired"):
			g.Message = "jwt expired"
		case strings.HasPrefix(text, "The provided access token is malformed"):
			g.Message = "jwt malformed"
		}
	case f.Name == "UnauthorizedError":
		g.Status = http.StatusForbidden
		switch {
		case text == "Token missing":
			g.Name = "Unauthorized access"
		case strings.Contains(text, "number of uses limit reached"):
			g.Status, g.Name = http.StatusBadRequest, "BadRequest"
		case text == "No identity access token found", text == "Access token has been revoked":
			g.Message = "You are not allowed to access this resource"
		}
	case f.Name == "PermissionDenied":
		g.Status = http.StatusUnauthorized
	case f.Name == "ValidationFailure":
		g.Status = http.StatusForbidden
	case f.Name == "Identity is not a member of the specified project":
		g.Name = "Identity not in project"
	case strings.HasPrefix(f.Name, "Forbidden access to "):
		g.Name = strings.TrimPrefix(f.Name, "Forbidden access to ") + " Unauthorized Access"
	case f.Name == "CreateEnvironment":
		g.Name = "Create envv"
	case f.Status == http.StatusNotFound && text != "folder not found":
		g.Status = http.StatusBadRequest
		if f.Name == "NotFound" {
			g.Name = "BadRequest"
		}
		if strings.HasPrefix(text, "Project not found during bot lookup.") {
			g.Message = "Project not found during bot lookup."
		}
	}
	return &g
}

// TooLarge is the framework's answer to a body that is too large.
func TooLarge(p Profile) *Answer {
	if p != July2024 {
		return FailureAnswer(p, Broken("InternalServerError"))
	}
	return JSON(http.StatusRequestEntityTooLarge, map[string]any{
		"statusCode": http.StatusRequestEntityTooLarge, "code": "FST_ERR_CTP_BODY_TOO_LARGE",
		"error": "Payload Too Large", "message": "Request body is too large",
	})
}

// fieldError is what that backend says about a field of an invalid request.
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// AsGo puts a refusal into the words of the backend in Go.
func AsGo(f *Failure) *Failure {
	g := *f
	g.Details = nil // an object or nothing, never a list
	switch f.Name {
	case "ValidationFailure":
		g.Status, g.Message = http.StatusBadRequest, "Validation failed"
		issues, _ := f.Message.([]Issue)
		for _, i := range issues {
			g.fields = append(g.fields, fieldError{strings.Trim(fmt.Sprint(i.Path), "[]"), i.Message})
		}
	case "ForbiddenError":
		if f.Details != nil {
			g.Message = "Permission denied for secret reference expansion"
		}
	}
	return &g
}
