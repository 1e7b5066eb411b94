package devserver

import "strings"

func secretRoutes(p Profile) []route {
	const raw = "/api/v3/secrets/raw"
	routes := []route{
		{"GET", raw, secretClass, members, (*call).listSecrets},
		{"GET", raw + "/:secretName", secretClass, members, (*call).getSecret},
		{"POST", raw + "/:secretName", secretClass, members, (*call).createSecret},
		{"PATCH", raw + "/:secretName", secretClass, members, (*call).updateSecret},
		{"DELETE", raw + "/:secretName", secretClass, members, (*call).deleteSecret},
		{"POST", "/api/v3/secrets/batch/raw", secretClass, members, (*call).createSecrets},
		{"PATCH", "/api/v3/secrets/batch/raw", secretClass, members, (*call).updateSecrets},
		{"DELETE", "/api/v3/secrets/batch/raw", secretClass, members, (*call).deleteSecrets},
		{"POST", "/api/v3/secrets/move", secretClass, members, (*call).moveSecrets},
	}
	if !p.Old() {
		const v4 = "/api/v4/secrets"
		routes = append(routes,
			route{"GET", raw + "/id/:secretId", secretClass, members, (*call).getSecretByID},
			route{"GET", v4, secretClass, members, (*call).listSecrets},
			route{"GET", v4 + "/id/:secretId", secretClass, members, (*call).getSecretByID},
			route{"GET", v4 + "/:secretName", secretClass, members, (*call).getSecret},
			route{"POST", v4 + "/:secretName", secretClass, members, (*call).createSecret},
			route{"PATCH", v4 + "/:secretName", secretClass, members, (*call).updateSecret},
			route{"DELETE", v4 + "/:secretName", secretClass, members, (*call).deleteSecret},
			route{"POST", v4 + "/batch", secretClass, members, (*call).createSecrets},
			route{"PATCH", v4 + "/batch", secretClass, members, (*call).updateSecrets},
			route{"DELETE", v4 + "/batch", secretClass, members, (*call).deleteSecrets},
			route{"POST", v4 + "/move", secretClass, members, (*call).moveSecrets},
			route{"GET", "/api/v1/secret/:secretId/secret-versions", readClass, userOnly, (*call).listVersions},
		)
	}
	return routes
}

// v4 reports whether the request came in on the newest secret routes.
func (c *call) v4() bool { return strings.HasPrefix(c.route.pattern, "/api/v4/") }
