package devserver

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/folders"
	"infisicalfs/internal/devserver/internal/login"
	"infisicalfs/internal/devserver/internal/secretread"
	"infisicalfs/internal/devserver/internal/secretwrite"
	"infisicalfs/internal/devserver/internal/web"
)

// routesOf are all routes that a server of the profile has.
func routesOf(p web.Profile) []call.Route {
	var all []call.Route
	all = append(all, statusRoutes()...)
	all = append(all, login.Routes(p)...)
	all = append(all, projectRoutes(p)...)
	all = append(all, secretRoutes(p)...)
	all = append(all, folders.Routes(p)...)
	all = append(all, folders.ImportRoutes(p)...)
	return all
}

// secretRoutes are the routes of secrets; those of v4 and of ids are not on
// servers of 2024.
func secretRoutes(p web.Profile) []call.Route {
	const raw = "/api/v3/secrets/raw"
	routes := []call.Route{
		call.On("GET", raw, web.SecretClass, call.Members, secretread.List),
		call.On("GET", raw+"/:secretName", web.SecretClass, call.Members, secretread.Get),
		call.On("POST", raw+"/:secretName", web.SecretClass, call.Members, secretwrite.Create),
		call.On("PATCH", raw+"/:secretName", web.SecretClass, call.Members, secretwrite.Update),
		call.On("DELETE", raw+"/:secretName", web.SecretClass, call.Members, secretwrite.Delete),
		call.On("POST", "/api/v3/secrets/batch/raw", web.SecretClass, call.Members, secretwrite.CreateBatch),
		call.On("PATCH", "/api/v3/secrets/batch/raw", web.SecretClass, call.Members, secretwrite.UpdateBatch),
		call.On("DELETE", "/api/v3/secrets/batch/raw", web.SecretClass, call.Members, secretwrite.DeleteBatch),
		call.On("POST", "/api/v3/secrets/move", web.SecretClass, call.Members, secretwrite.Move),
	}
	if !p.Old() {
		const v4 = "/api/v4/secrets"
		routes = append(routes,
			call.On("GET", raw+"/id/:secretId", web.SecretClass, call.Members, secretread.GetByID),
			call.On("GET", v4, web.SecretClass, call.Members, secretread.List),
			call.On("GET", v4+"/id/:secretId", web.SecretClass, call.Members, secretread.GetByID),
			call.On("GET", v4+"/:secretName", web.SecretClass, call.Members, secretread.Get),
			call.On("POST", v4+"/:secretName", web.SecretClass, call.Members, secretwrite.Create),
			call.On("PATCH", v4+"/:secretName", web.SecretClass, call.Members, secretwrite.Update),
			call.On("DELETE", v4+"/:secretName", web.SecretClass, call.Members, secretwrite.Delete),
			call.On("POST", v4+"/batch", web.SecretClass, call.Members, secretwrite.CreateBatch),
			call.On("PATCH", v4+"/batch", web.SecretClass, call.Members, secretwrite.UpdateBatch),
			call.On("DELETE", v4+"/batch", web.SecretClass, call.Members, secretwrite.DeleteBatch),
			call.On("POST", v4+"/move", web.SecretClass, call.Members, secretwrite.Move),
			call.On("GET", "/api/v1/secret/:secretId/secret-versions", web.ReadClass, call.UserOnly, secretread.Versions),
		)
	}
	return routes
}
