package call

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf16"

	"infisicalfs/internal/devserver/internal/web"
)

// Access says who may call a route.
type Access int

// Who may call a route.
const (
	Members  Access = iota // machine identities and users
	Anybody                // no token is looked at
	UserOnly               // the user; identities are refused before anything else
)

// Route is one method and path. A segment of the pattern that starts with a
// colon is a parameter.
type Route struct {
	method  string
	Pattern string
	Class   web.Class // which rate limit it counts for
	Access  Access
	Handle  func(*Call) (any, error)
}

// On returns a route. handle is called with the lock of the state held; what it
// returns is encoded later, so it must not alias the state.
func On(method, pattern string, class web.Class, access Access, handle func(*Call) (any, error)) Route {
	return Route{method, pattern, class, access, handle}
}

// maxParam is the length, in UTF-16 units after decoding, beyond which the
// framework does not take a path segment for a parameter. So a secret with a
// longer name has no route of its own.
const maxParam = 100

// Match finds the route of a request and the values of its parameters. A fixed
// segment goes before a parameter, and one slash at the end is ignored; apart
// from that the path is taken as it stands: no double slash and no dot segment
// is cleaned away.
func Match(routes []Route, r *http.Request) (*Route, map[string]string) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(strings.TrimSuffix(r.URL.EscapedPath(), "/"), "/")
	var best *Route
	var bestParams map[string]string
	for i := range routes {
		rt := &routes[i]
		if rt.method != method {
			continue
		}
		params, ok := matchSegments(strings.Split(rt.Pattern, "/"), segments)
		if ok && (best == nil || moreFixed(rt.Pattern, best.Pattern)) {
			best, bestParams = rt, params
		}
	}
	return best, bestParams
}

func matchSegments(pattern, segments []string) (map[string]string, bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	params := map[string]string{}
	for i, p := range pattern {
		value, err := url.PathUnescape(segments[i])
		if err != nil {
			return nil, false
		}
		if !strings.HasPrefix(p, ":") {
			if p != value {
				return nil, false
			}
			continue
		}
		if value == "" || utf16Length(value) > maxParam {
			return nil, false
		}
		params[p[1:]] = value
	}
	return params, true
}

// moreFixed reports whether pattern a has a fixed segment where b, which
// matched the same path, first has a parameter.
func moreFixed(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range as {
		aParam, bParam := strings.HasPrefix(as[i], ":"), strings.HasPrefix(bs[i], ":")
		if aParam != bParam {
			return bParam
		}
	}
	return false
}

func utf16Length(s string) int { return len(utf16.Encode([]rune(s))) }

// V4 reports whether the request came in on the newest secret routes.
func (c *Call) V4() bool { return strings.HasPrefix(c.Route.Pattern, "/api/v4/") }
