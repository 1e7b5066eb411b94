package devserver

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf16"

	"infisicalfs/internal/devserver/internal/web"
)

// access says who may call a route.
type access int

const (
	members  access = iota // machine identities and users
	anybody                // no token is looked at
	userOnly               // the user; identities are refused before anything else
)

// route is one method and path. A segment of the pattern that starts with a
// colon is a parameter.
type route struct {
	method  string
	pattern string
	class   web.Class
	access  access
	handle  func(*call) (any, error) // called with Server.mu held; what it returns must not alias the state
}

// maxParam is the length, in UTF-16 units after decoding, beyond which the
// framework does not take a path segment for a parameter. So a secret with a
// longer name has no route of its own.
const maxParam = 100

func routesOf(p web.Profile) []route {
	var all []route
	all = append(all, authRoutes()...)
	all = append(all, projectRoutes(p)...)
	all = append(all, secretRoutes(p)...)
	all = append(all, folderRoutes(p)...)
	all = append(all, importRoutes(p)...)
	return all
}

// match finds the route of a request and the values of its parameters. A fixed
// segment goes before a parameter, and one slash at the end is ignored; apart
// from that the path is taken as it stands: no double slash and no dot segment
// is cleaned away.
func match(routes []route, r *http.Request) (*route, map[string]string) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(strings.TrimSuffix(r.URL.EscapedPath(), "/"), "/")
	var best *route
	var bestParams map[string]string
	for i := range routes {
		rt := &routes[i]
		if rt.method != method {
			continue
		}
		params, ok := matchSegments(strings.Split(rt.pattern, "/"), segments)
		if ok && (best == nil || moreFixed(rt.pattern, best.pattern)) {
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

func secretRoutes(p web.Profile) []route {
	const raw = "/api/v3/secrets/raw"
	routes := []route{
		{"GET", raw, web.SecretClass, members, (*call).listSecrets},
		{"GET", raw + "/:secretName", web.SecretClass, members, (*call).getSecret},
		{"POST", raw + "/:secretName", web.SecretClass, members, (*call).createSecret},
		{"PATCH", raw + "/:secretName", web.SecretClass, members, (*call).updateSecret},
		{"DELETE", raw + "/:secretName", web.SecretClass, members, (*call).deleteSecret},
		{"POST", "/api/v3/secrets/batch/raw", web.SecretClass, members, (*call).createSecrets},
		{"PATCH", "/api/v3/secrets/batch/raw", web.SecretClass, members, (*call).updateSecrets},
		{"DELETE", "/api/v3/secrets/batch/raw", web.SecretClass, members, (*call).deleteSecrets},
		{"POST", "/api/v3/secrets/move", web.SecretClass, members, (*call).moveSecrets},
	}
	if !p.Old() {
		const v4 = "/api/v4/secrets"
		routes = append(routes,
			route{"GET", raw + "/id/:secretId", web.SecretClass, members, (*call).getSecretByID},
			route{"GET", v4, web.SecretClass, members, (*call).listSecrets},
			route{"GET", v4 + "/id/:secretId", web.SecretClass, members, (*call).getSecretByID},
			route{"GET", v4 + "/:secretName", web.SecretClass, members, (*call).getSecret},
			route{"POST", v4 + "/:secretName", web.SecretClass, members, (*call).createSecret},
			route{"PATCH", v4 + "/:secretName", web.SecretClass, members, (*call).updateSecret},
			route{"DELETE", v4 + "/:secretName", web.SecretClass, members, (*call).deleteSecret},
			route{"POST", v4 + "/batch", web.SecretClass, members, (*call).createSecrets},
			route{"PATCH", v4 + "/batch", web.SecretClass, members, (*call).updateSecrets},
			route{"DELETE", v4 + "/batch", web.SecretClass, members, (*call).deleteSecrets},
			route{"POST", v4 + "/move", web.SecretClass, members, (*call).moveSecrets},
			route{"GET", "/api/v1/secret/:secretId/secret-versions", web.ReadClass, userOnly, (*call).listVersions},
		)
	}
	return routes
}

// v4 reports whether the request came in on the newest secret routes.
func (c *call) v4() bool { return strings.HasPrefix(c.route.pattern, "/api/v4/") }
