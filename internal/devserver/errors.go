package devserver

import (
	"fmt"
	"net/http"

	"infisicalfs/internal/devserver/internal/store"
)

// failure is an answer other than 2xx. Infisical's errors have a status, a free
// text name in the field "error" and a message, which is a string or, for a
// ValidationFailure, a list of issues.
type failure struct {
	status  int
	name    string
	message any
	details any
	fields  []fieldError // of a ValidationFailure of the backend in Go
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %v", f.status, f.name, f.message) }

func fail(status int, name, format string, args ...any) *failure {
	return &failure{status: status, name: name, message: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *failure {
	return fail(http.StatusBadRequest, "BadRequest", format, args...)
}

func notFound(format string, args ...any) *failure {
	return fail(http.StatusNotFound, "NotFound", format, args...)
}

func unauthorized(format string, args ...any) *failure {
	return fail(http.StatusUnauthorized, "UnauthorizedError", format, args...)
}

func tokenError(format string, args ...any) *failure {
	return fail(http.StatusForbidden, "TokenError", format, args...)
}

// broken is how an error that the server did not foresee looks: status 500
// whatever the cause, named after the operation that stumbled.
func broken(operation string) *failure {
	return fail(http.StatusInternalServerError, operation, "Something went wrong")
}

// errorBody is the body of a failure. Servers of 2024 have no reqId and no details.
type errorBody struct {
	ReqID      string `json:"reqId,omitempty"`
	StatusCode int    `json:"statusCode"`
	Message    any    `json:"message"`
	Error      string `json:"error"`
	Details    any    `json:"details,omitempty"`

	FieldErrors []fieldError `json:"fieldErrors,omitempty"`
}

func (s *Server) failureAnswer(f *failure) *answer {
	if s.profile == July2024 {
		f = asJuly(f)
	}
	body := errorBody{StatusCode: f.status, Message: f.message, Error: f.name}
	if !s.profile.Old() {
		body.ReqID = "req-" + store.RandomHex(7)
		body.Details, body.FieldErrors = f.details, f.fields
	}
	return jsonAnswer(f.status, body)
}

// routeMissing is the framework's own answer: it has no reqId, its fields come
// in another order, and it repeats the whole URL. A name that is too long for
// the URL gets it too.
func routeMissing(r *http.Request) *answer {
	return jsonAnswer(http.StatusNotFound, struct {
		Message    string `json:"message"`
		Error      string `json:"error"`
		StatusCode int    `json:"statusCode"`
	}{"Route " + r.Method + ":" + requestURI(r) + " not found", "Not Found", http.StatusNotFound})
}

func requestURI(r *http.Request) string {
	if r.RequestURI != "" {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
