package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// DeleteFolder implements [secret.Writer]. What the identity may not see of a
// folder cannot be counted: a server of 2024 removes it with the folder.
func (c *Client) DeleteFolder(ctx context.Context, dir secret.Dir, name string) error {
	if !reachable(name) {
		return fmt.Errorf("no path leads into a folder called %q, so it cannot be seen to be empty: %w", name, secret.ErrInvalid)
	}
	return c.write(ctx, dir, func(ctx context.Context, at location) error {
		siblings, err := c.listFolders(ctx, at, false, "")
		if err != nil {
			return err
		}
		doomed, ok := folderNamed(siblings, name)
		if !ok {
			return noFolder("delete folder", at, name)
		}
		inside := location{dir: dir.Child(name), projectID: at.projectID}
		if err := c.mustBeEmpty(ctx, inside); err != nil {
			return err
		}
		err = c.deleteFolder(ctx, at, doomed, false)
		if !isBadRequest(err) || errors.Is(err, secret.ErrProtected) {
			return err
		}
		return c.forceDelete(ctx, at, doomed, inside, err)
	})
}

func (c *Client) deleteFolder(ctx context.Context, at location, doomed wire.Folder, force bool) error {
	var gone wire.Folder
	return c.perform(ctx, change{
		request: folderRequest{at, http.MethodDelete, doomed.ID, map[string]any{"forceDelete": force}}.build,
		models:  []transport.Shape{transport.Under("folder", &gone)},
		accept:  func() error { return isCalled(gone, doomed.Name) },
		done: func(ctx context.Context) (bool, error) {
			there, err := c.hasFolder(ctx, at, doomed.Name)
			return !there, err
		},
	})
}

// forceDelete is for the folder that the server takes for full because of its
// imports. That it has some, and is empty still, is looked at first.
func (c *Client) forceDelete(ctx context.Context, at location, doomed wire.Folder, inside location, refusal error) error {
	imports, err := c.hasImports(ctx, inside)
	if err != nil {
		return err
	}
	if err := c.mustBeEmpty(ctx, inside); err != nil {
		return err
	}
	if !imports {
		return fmt.Errorf("%v: something in it is not shown to this identity: %w", refusal, secret.ErrNotEmpty)
	}
	return c.deleteFolder(ctx, at, doomed, true)
}

// mustBeEmpty asks for everything that a folder has of its own.
func (c *Client) mustBeEmpty(ctx context.Context, inside location) error {
	folders, err := c.listFolders(ctx, inside, false, "")
	if err != nil {
		return err
	}
	secrets, _, err := c.querySecrets(ctx, inside, listing{})
	if err != nil {
		return err
	}
	own := slices.ContainsFunc(folders.wire, func(w wire.Folder) bool { return !w.IsReserved })
	if own || secrets.Count > 0 {
		return fmt.Errorf("delete folder: %s has entries: %w", inside.dir, secret.ErrNotEmpty)
	}
	return nil
}

func (c *Client) hasImports(ctx context.Context, inside location) (bool, error) {
	var imports []struct{}
	err := c.server.WithRoutes(ctx, func(ctx context.Context, routes transport.Routes) error {
		project := "projectId"
		r := transport.Request{Op: "list imports", Path: "/v2/secret-imports", Class: "read"}
		if routes == transport.Legacy {
			project, r.Path, r.Class = "workspaceId", "/v1/secret-imports", "v1/secret-imports"
		}
		r.Query = url.Values{project: {inside.projectID}, "environment": {inside.dir.Env}, "path": {inside.dir.Path}}
		return c.server.Get(ctx, r, transport.Under("secretImports", &imports))
	})
	return len(imports) > 0, err
}
