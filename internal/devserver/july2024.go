package devserver

import (
	"net/http"
	"strings"
)

// What a server of July 2024 does differently from one of October that is not
// said where it happens. Its error handler knew fewer kinds of errors, and used
// some statuses the other way round; what its libraries threw came out as it was.

// asJuly turns what a server of October says into the words of July.
func asJuly(f *failure) *failure {
	g := *f
	text, _ := f.message.(string)
	switch {
	case f.name == "TokenError":
		g.status, g.name = http.StatusInternalServerError, "Internal Server Error"
		switch {
		case strings.HasPrefix(text, "Your token has expired"):
			g.message = "jwt expired"
		case strings.HasPrefix(text, "The provided access token is malformed"):
			g.message = "jwt malformed"
		}
	case f.name == "UnauthorizedError":
		g.status = http.StatusForbidden
		switch {
		case text == "Token missing":
			g.name = "Unauthorized access"
		case strings.Contains(text, "number of uses limit reached"):
			g.status, g.name = http.StatusBadRequest, "BadRequest"
		case text == "No identity access token found", text == "Access token has been revoked":
			g.message = "You are not allowed to access this resource"
		}
	case f.name == "PermissionDenied":
		g.status = http.StatusUnauthorized
	case f.name == "ValidationFailure":
		g.status = http.StatusForbidden
	case f.name == "Identity is not a member of the specified project":
		g.name = "Identity not in project"
	case strings.HasPrefix(f.name, "Forbidden access to "):
		g.name = strings.TrimPrefix(f.name, "Forbidden access to ") + " Unauthorized Access"
	case f.name == "CreateEnvironment":
		g.name = "Create envv"
	case f.status == http.StatusNotFound && text != "folder not found":
		g.status = http.StatusBadRequest
		if f.name == "NotFound" {
			g.name = "BadRequest"
		}
		if strings.HasPrefix(text, "Project not found during bot lookup.") {
			g.message = "Project not found during bot lookup."
		}
	}
	return &g
}

// tooLarge is the framework's answer to a body that is too large.
func (c *call) tooLarge() *answer {
	if !c.july() {
		return c.s.failureAnswer(broken("InternalServerError"))
	}
	return jsonAnswer(http.StatusRequestEntityTooLarge, map[string]any{
		"statusCode": http.StatusRequestEntityTooLarge, "code": "FST_ERR_CTP_BODY_TOO_LARGE",
		"error": "Payload Too Large", "message": "Request body is too large",
	})
}
