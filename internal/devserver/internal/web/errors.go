package web

import (
	"fmt"
	"net/http"

	"infisicalfs/internal/devserver/internal/store"
)

// Failure is an answer other than 2xx. Infisical's errors have a status, a free
// text name in the field "error" and a message, which is a string or, for a
// ValidationFailure, a list of issues.
type Failure struct {
	Status  int
	Name    string
	Message any
	Details any
	fields  []fieldError // of a ValidationFailure of the backend in Go
}

// Error says the failure in a line, for tests; clients get [FailureAnswer].
func (f *Failure) Error() string { return fmt.Sprintf("%d %s: %v", f.Status, f.Name, f.Message) }

// Fail returns a failure of that status and name; the message is formatted.
func Fail(status int, name, format string, args ...any) *Failure {
	return &Failure{Status: status, Name: name, Message: fmt.Sprintf(format, args...)}
}

// BadRequest is a failure of status 400 with that name.
func BadRequest(format string, args ...any) *Failure {
	return Fail(http.StatusBadRequest, "BadRequest", format, args...)
}

// NotFound is a failure of status 404 with that name.
func NotFound(format string, args ...any) *Failure {
	return Fail(http.StatusNotFound, "NotFound", format, args...)
}

// Unauthorized is a failure of status 401, named UnauthorizedError.
func Unauthorized(format string, args ...any) *Failure {
	return Fail(http.StatusUnauthorized, "UnauthorizedError", format, args...)
}

// TokenError is a failure of status 403 about an access token that is no good.
func TokenError(format string, args ...any) *Failure {
	return Fail(http.StatusForbidden, "TokenError", format, args...)
}

// Broken is how an error that the server did not foresee looks: status 500
// whatever the cause, named after the operation that stumbled.
func Broken(operation string) *Failure {
	return Fail(http.StatusInternalServerError, operation, "Something went wrong")
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

// FailureAnswer is the response that tells f in the words of the profile.
func FailureAnswer(p Profile, f *Failure) *Answer {
	if p == July2024 {
		f = asJuly(f)
	}
	body := errorBody{StatusCode: f.Status, Message: f.Message, Error: f.Name}
	if !p.Old() {
		body.ReqID = "req-" + store.RandomHex(7)
		body.Details, body.FieldErrors = f.Details, f.fields
	}
	return JSON(f.Status, body)
}

// RouteMissing is the framework's own answer: it has no reqId, its fields come
// in another order, and it repeats the whole URL. A name that is too long for
// the URL gets it too.
func RouteMissing(r *http.Request) *Answer {
	return JSON(http.StatusNotFound, struct {
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
