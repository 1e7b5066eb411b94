package devserver

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/web"
)

func routesOf(p web.Profile) []call.Route {
	var all []call.Route
	all = append(all, authRoutes()...)
	all = append(all, projectRoutes(p)...)
	all = append(all, secretRoutes(p)...)
	all = append(all, folderRoutes(p)...)
	all = append(all, importRoutes(p)...)
	return all
}

func secretRoutes(p web.Profile) []call.Route {
	const raw = "/api/v3/secrets/raw"
	routes := []call.Route{
		call.On("GET", raw, web.SecretClass, call.Members, listSecrets),
		call.On("GET", raw+"/:secretName", web.SecretClass, call.Members, getSecret),
		call.On("POST", raw+"/:secretName", web.SecretClass, call.Members, createSecret),
		call.On("PATCH", raw+"/:secretName", web.SecretClass, call.Members, updateSecret),
		call.On("DELETE", raw+"/:secretName", web.SecretClass, call.Members, deleteSecret),
		call.On("POST", "/api/v3/secrets/batch/raw", web.SecretClass, call.Members, createSecrets),
		call.On("PATCH", "/api/v3/secrets/batch/raw", web.SecretClass, call.Members, updateSecrets),
		call.On("DELETE", "/api/v3/secrets/batch/raw", web.SecretClass, call.Members, deleteSecrets),
		call.On("POST", "/api/v3/secrets/move", web.SecretClass, call.Members, moveSecrets),
	}
	if !p.Old() {
		const v4 = "/api/v4/secrets"
		routes = append(routes,
			call.On("GET", raw+"/id/:secretId", web.SecretClass, call.Members, getSecretByID),
			call.On("GET", v4, web.SecretClass, call.Members, listSecrets),
			call.On("GET", v4+"/id/:secretId", web.SecretClass, call.Members, getSecretByID),
			call.On("GET", v4+"/:secretName", web.SecretClass, call.Members, getSecret),
			call.On("POST", v4+"/:secretName", web.SecretClass, call.Members, createSecret),
			call.On("PATCH", v4+"/:secretName", web.SecretClass, call.Members, updateSecret),
			call.On("DELETE", v4+"/:secretName", web.SecretClass, call.Members, deleteSecret),
			call.On("POST", v4+"/batch", web.SecretClass, call.Members, createSecrets),
			call.On("PATCH", v4+"/batch", web.SecretClass, call.Members, updateSecrets),
			call.On("DELETE", v4+"/batch", web.SecretClass, call.Members, deleteSecrets),
			call.On("POST", v4+"/move", web.SecretClass, call.Members, moveSecrets),
			call.On("GET", "/api/v1/secret/:secretId/secret-versions", web.ReadClass, call.UserOnly, listVersions),
		)
	}
	return routes
}
