package devserver

import (
	"slices"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/web"
)

func statusRoutes() []call.Route {
	return []call.Route{
		call.On("GET", "/api/status", web.Unlimited, call.Anybody, status),
		call.On("GET", "/api/v2/service-token", web.ReadClass, call.Members, serviceToken),
	}
}

// serviceToken says what the service token that asks is for.
func serviceToken(c *call.Call) (any, error) {
	t := c.Who.ServiceToken()
	if t == nil {
		return nil, web.BadRequest("Failed to find service token")
	}
	permissions := []string{"read"}
	if t.Write {
		permissions = append(permissions, "write")
	}
	return map[string]any{"_id": t.ID, "id": t.ID, "name": t.Name, "projectId": t.ProjectID, "workspace": t.ProjectID, "scopes": slices.Clone(t.Scopes), "permissions": permissions, "expiresAt": nil}, nil
}

func status(c *call.Call) (any, error) {
	return map[string]any{
		"date":                     call.Stamp(c.Now),
		"message":                  "Ok",
		"emailConfigured":          false,
		"inviteOnlySignup":         true,
		"redisConfigured":          true,
		"secretScanningConfigured": false,
	}, nil
}
