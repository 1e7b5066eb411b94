package client

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Service tokens (st.…) are older than machine identities: a token is for one project, and
// for some environments and paths of it. Servers list no projects to it but say what it is
// for. The project is shown by its id, as they do not tell its slug.

// serviceScope is what a service token is for, as the server says it.
type serviceScope struct {
	Workspace string `json:"workspace"` // id of the project
	Scopes    []struct {
		Environment string `json:"environment"`
		SecretPath  string `json:"secretPath"` // may be a pattern
	} `json:"scopes"`
}

// listOfServiceToken asks what the service token in use is for, in the place of a list of
// projects. It is nil for other tokens.
func (c *Client) listOfServiceToken(ctx context.Context) ([]wire.Project, error) {
	claims, err := c.server.Claims(ctx)
	if err != nil || !claims.Service {
		c.scope.Store(nil)
		return nil, err
	}
	scope := new(serviceScope)
	if err := c.server.Get(ctx, transport.Request{Op: listProjectsOp, Path: "/v2/service-token", Class: "read"}, transport.Whole(scope)); err != nil {
		return nil, err
	}
	if scope.Workspace == "" {
		return nil, fmt.Errorf("list projects: the server does not say which project the service token is for: %w", secret.ErrUnavailable)
	}
	c.scope.Store(scope)
	p := wire.Project{ID: scope.Workspace, Slug: scope.Workspace}
	for _, s := range scope.Scopes {
		known := slices.ContainsFunc(p.Environments, func(e wire.Environment) bool { return e.Slug == s.Environment })
		if !known {
			p.Environments = append(p.Environments, wire.Environment{ID: s.Environment, Slug: s.Environment})
		}
	}
	return []wire.Project{p}, nil
}

// plain is the one folder that the token is for, if it is for one and that is no pattern.
// A server then answers with that folder's secrets whatever folder it is asked for.
func (s *serviceScope) plain() (env, dir string, ok bool) {
	if s == nil || len(s.Scopes) != 1 || strings.ContainsAny(s.Scopes[0].SecretPath, "*?[{!(") {
		return "", "", false
	}
	return s.Scopes[0].Environment, path.Clean("/" + s.Scopes[0].SecretPath), true
}

// scoped refuses to ask for the secrets of a folder for which the answer would be another
// folder's.
func (c *Client) scoped(dir secret.Dir, recursive bool) error {
	env, only, ok := c.scope.Load().plain()
	switch {
	case !ok:
		return nil
	case recursive:
		return fmt.Errorf("%s: a service token sees one folder: %w", dir, secret.ErrInexact)
	case dir.Env != env || path.Clean(dir.Path) != only:
		return fmt.Errorf("%s: the service token is for %s of %s only: %w", dir, only, env, secret.ErrDenied)
	}
	return nil
}
