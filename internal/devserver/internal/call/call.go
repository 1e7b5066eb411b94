package call

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Call is one request on its way through the server.
type Call struct {
	Profile web.Profile
	Request *http.Request
	Route   *Route            // nil: there is none
	Params  map[string]string // of the path
	body    any               // as parsed; nil when there is none
	query   url.Values
	Who     Actor
	Now     time.Time

	// What a handler of a route works on, guarded by the server's lock.
	State     *store.State
	Tokens    store.TokenConfig // for identities that have no setting of their own
	Approvals store.Policies    // where users' changes of shared secrets wait for an approval that never comes
	Changed   bool              // the state changed and must be saved
	Touched   bool              // the state changed in what may wait for the next write

	Identified func(name string)    // told who makes the request
	Requested  func(store.Approval) // told of a change that waits; with the server's lock
}

// Old reports whether the server is one of 2024.
func (c *Call) Old() bool { return c.Profile.Old() }

// July reports whether the server is one of July 2024.
func (c *Call) July() bool { return c.Profile == web.July2024 }

// malformed is said about a body that claims to be JSON and is not.
func (c *Call) malformed() *web.Failure {
	if c.July() { // in the parser's words for the commonest case
		return web.Fail(http.StatusBadRequest, "Bad Request", "Expected property name or '}' in JSON at position 1")
	}
	return web.Broken("InternalServerError")
}

// Parse reads query and body, which came as raw. A body of another type than
// JSON or a form is handed on as a string, which then fails the validation; one
// that claims to be JSON and is not is an internal error.
func (c *Call) Parse(raw []byte) *web.Failure {
	c.Now = time.Now()
	c.query = c.Request.URL.Query()
	if len(raw) == 0 {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		if err := json.Unmarshal(raw, &c.body); err != nil {
			return c.malformed()
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(raw))
		if err != nil {
			return web.Broken("InternalServerError")
		}
		object := map[string]any{}
		for k := range values {
			object[k] = values.Get(k)
		}
		c.body = object
	case "text/plain":
		c.body = string(raw)
	default:
		return web.Broken("InternalServerError")
	}
	return nil
}

// legalPath is what a server of 2024 can look up; anything else is an internal
// error there. (Folders with other names exist all the same: renaming checks nothing.)
var legalPath = regexp.MustCompile(`^[A-Za-z0-9_/-]*$`)

// Lookup finds a folder; Folder and Env of the result are nil when there is none.
func (c *Call) Lookup(p *store.Project, env, path string) (store.Place, error) {
	at := store.Place{Project: p, Env: p.Env(env), Path: path}
	if c.Old() && !legalPath.MatchString(path) {
		return at, web.Broken("Find by secret path")
	}
	if at.Env != nil {
		at.Folder = at.Env.Root.Walk(path)
	}
	return at, nil
}

// BodyForm reads the fields of the body.
func (c *Call) BodyForm() *web.Form { return web.BodyForm(c.Profile, c.body) }

// QueryForm reads the parameters of the URL.
func (c *Call) QueryForm() *web.Form { return web.QueryForm(c.Profile, c.query) }

// Stamp writes a time as the server does: RFC 3339, UTC, milliseconds.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Newest servers have a second backend, written in Go. It answers lists and
// single reads of secrets, behind the same addresses, by some rules of its own;
// nothing in an answer tells which of the two made it. The profile CurrentGo has
// it, and is like Current elsewhere. What else differs is asked for by GoReads
// where it matters: v3 expands and imports unless told not to; a value that may
// not be read is hidden in the list, which is not refused for it, and a folder
// that may not be seen looks empty; a reference to nothing is nothing; an
// import's entry repeats names; and no imports are no field.

// GoReads reports whether the backend in Go answers.
func (c *Call) GoReads() bool {
	if c.Profile != web.CurrentGo || c.Route.method != http.MethodGet {
		return false
	}
	p := c.Route.Pattern
	return (strings.HasPrefix(p, "/api/v4/secrets") || strings.HasPrefix(p, "/api/v3/secrets/raw")) && !strings.Contains(p, "/id/")
}
