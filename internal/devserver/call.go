package devserver

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// call is one request on its way through the server.
type call struct {
	profile web.Profile
	r       *http.Request
	route   *route            // nil: there is none
	params  map[string]string // of the path
	body    any               // as parsed; nil when there is none
	query   url.Values
	who     actor
	now     time.Time

	// What a handler of a route works on, guarded by the server's lock.
	state     *store.State
	tokens    store.TokenConfig // for identities that have no setting of their own
	approvals bool              // users' changes of shared secrets wait for an approval that never comes
	changed   bool              // the state changed and must be saved
	touched   bool              // the state changed in what may wait for the next write

	identified func(name string) // told who makes the request
}

func (c *call) old() bool { return c.profile.Old() }

func (c *call) july() bool { return c.profile == web.July2024 }

// malformed is said about a body that claims to be JSON and is not.
func (c *call) malformed() *web.Failure {
	if c.july() { // in the parser's words for the commonest case
		return web.Fail(http.StatusBadRequest, "Bad Request", "Expected property name or '}' in JSON at position 1")
	}
	return web.Broken("InternalServerError")
}

// parse reads query and body, which came as raw. A body of another type than JSON or a form is
// handed on as a string, which then fails the validation; one that claims to be
// JSON and is not is an internal error.
func (c *call) parse(raw []byte) *web.Failure {
	c.now = time.Now()
	c.query = c.r.URL.Query()
	if len(raw) == 0 {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
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

// lookup finds a folder; Folder and Env of the result are nil when there is none.
func (c *call) lookup(p *store.Project, env, path string) (store.Place, error) {
	at := store.Place{Project: p, Env: p.Env(env), Path: path}
	if c.old() && !legalPath.MatchString(path) {
		return at, web.Broken("Find by secret path")
	}
	if at.Env != nil {
		at.Folder = at.Env.Root.Walk(path)
	}
	return at, nil
}

// bodyForm and queryForm are where the fields of the request are read from.
func (c *call) bodyForm() *web.Form  { return web.BodyForm(c.profile, c.body) }
func (c *call) queryForm() *web.Form { return web.QueryForm(c.profile, c.query) }

// stamp writes a time as the server does: RFC 3339, UTC, milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
