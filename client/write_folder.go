package client

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// CreateFolder implements [secret.Writer]. Servers make missing parents, and old
// ones take a name that exists for a success: both are looked at before.
func (c *Client) CreateFolder(ctx context.Context, dir secret.Dir, name string) error {
	if err := checkFolderName(name); err != nil {
		return err
	}
	return c.write(ctx, dir, func(ctx context.Context, at location) error {
		siblings, err := c.listFolders(ctx, at, false, "")
		if err != nil {
			return err
		}
		if _, taken := folderNamed(siblings, name); taken {
			return folderTaken("create folder", at, name)
		}
		if len(siblings.wire) == 0 && at.dir.Path != "/" { // so is what does not exist
			if err := c.proveFolder(ctx, at); err != nil {
				return err
			}
		}
		return c.createFolder(ctx, at, name)
	})
}

func (c *Client) createFolder(ctx context.Context, at location, name string) error {
	var made wire.Folder
	err := c.perform(ctx, change{
		request: folderRequest{at, http.MethodPost, "", map[string]any{"name": name}}.build,
		models:  []transport.Shape{transport.Under("folder", &made)},
		accept:  func() error { return isCalled(made, name) },
		done: func(ctx context.Context) (bool, error) {
			return c.hasFolder(ctx, at, name)
		},
	})
	return c.explainFolder(ctx, "create folder", at, name, err)
}

// RenameFolder implements [secret.Writer].
func (c *Client) RenameFolder(ctx context.Context, dir secret.Dir, from, to string) error {
	if err := checkFolderName(to); err != nil {
		return err
	}
	return c.write(ctx, dir, func(ctx context.Context, at location) error {
		siblings, err := c.listFolders(ctx, at, false, "")
		if err != nil {
			return err
		}
		old, ok := folderNamed(siblings, from)
		if !ok {
			return noFolder("rename folder", at, from)
		}
		if _, taken := folderNamed(siblings, to); taken {
			if from == to {
				return nil
			}
			return folderTaken("rename folder", at, to)
		}
		return c.renameFolder(ctx, at, old, to)
	})
}

func (c *Client) renameFolder(ctx context.Context, at location, old wire.Folder, to string) error {
	var renamed wire.Folder
	err := c.perform(ctx, change{
		request: folderRequest{at, http.MethodPatch, old.ID, map[string]any{"name": to}}.build,
		models:  []transport.Shape{transport.Under("folder", &renamed)},
		accept:  func() error { return isCalled(renamed, to) },
		done: func(ctx context.Context) (bool, error) {
			now, err := c.listFolders(ctx, at, false, "")
			found, ok := folderNamed(now, to)
			return ok && found.ID == old.ID, err
		},
	})
	return c.explainFolder(ctx, "rename folder", at, to, err)
}

// explainFolder looks closer at a refusal: the name may have been taken since.
func (c *Client) explainFolder(ctx context.Context, op string, at location, name string, err error) error {
	if isBadRequest(err) {
		if taken, _ := c.hasFolder(ctx, at, name); taken {
			return folderTaken(op, at, name)
		}
	}
	return err
}

func (c *Client) hasFolder(ctx context.Context, at location, name string) (bool, error) {
	now, err := c.listFolders(ctx, at, false, "")
	_, ok := folderNamed(now, name)
	return ok, err
}

func folderNamed(list foldersAnswer, name string) (wire.Folder, bool) {
	i := slices.IndexFunc(list.wire, func(w wire.Folder) bool { return w.Name == name && !w.IsReserved })
	if i < 0 {
		return wire.Folder{}, false
	}
	return list.wire[i], true
}

func folderTaken(op string, at location, name string) error {
	return fmt.Errorf("%s: %s has a folder %q: %w", op, at.dir, name, secret.ErrExists)
}

func noFolder(op string, at location, name string) error {
	return fmt.Errorf("%s: %s has no folder %q: %w", op, at.dir, name, secret.ErrNotFound)
}

// folderRequest is a change of one folder.
type folderRequest struct {
	at     location // the folder that it is in
	method string
	id     string // empty for a new one
	fields map[string]any
}

func (f folderRequest) build(routes transport.Routes) transport.Request {
	op := map[string]string{http.MethodPost: "create", http.MethodPatch: "rename", http.MethodDelete: "delete"}[f.method]
	r := transport.Request{Op: op + " folder", Method: f.method, Path: "/v2/folders", Class: "secret"}
	if routes == transport.Legacy {
		r.Path, r.Class = "/v1/folders", f.method+" v1/folders"
	}
	if f.id != "" {
		r.Path += "/" + url.PathEscape(f.id)
	}
	body := bodyFor(f.at, routes)
	body["path"] = f.at.dir.Path
	maps.Copy(body, f.fields)
	r.Body = body
	return r
}

func isCalled(w wire.Folder, name string) error {
	if w.ID == "" || w.Name != name {
		return errOtherAnswer
	}
	return nil
}
