package devserver

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/web"
)

func statusRoutes() []call.Route {
	return []call.Route{call.On("GET", "/api/status", web.Unlimited, call.Anybody, status)}
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
