package login

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/web"
)

// Routes are those of logins and tokens that a server of the profile has.
func Routes(p web.Profile) []call.Route {
	routes := []call.Route{
		call.On("POST", "/api/v1/auth/universal-auth/login", web.WriteClass, call.Anybody, universal),
		call.On("POST", "/api/v1/auth/token/renew", web.WriteClass, call.Anybody, renew),
		call.On("POST", "/api/v1/auth/token/revoke", web.WriteClass, call.Anybody, revoke),
	}
	for _, m := range methods {
		if m.since(p) {
			routes = append(routes, call.On("POST", "/api/v1/auth/"+m.path+"/login", web.WriteClass, call.Anybody, m.login))
		}
	}
	return routes
}
