package devserver

import (
	"net/http"
	"strconv"
	"strings"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func (c *call) getSecret() (any, error) {
	f := c.queryForm()
	kind := f.OneOf("type", "shared", "shared", "personal")
	number := f.StrOr("version", "")
	wanted, err := strconv.Atoi(number)
	if number != "" && err != nil {
		f.Complain(web.Issue{Code: "invalid_type", Expected: "number", Received: "nan", Path: f.Path("version"), Message: "Expected number, received nan"})
	}
	q, err := c.readQuery(f)
	if err != nil {
		return nil, err
	}
	at, err := c.lookup(q.project, q.env, q.path)
	if err != nil {
		return nil, err
	}
	if c.denied(q.project, q.env, q.path) {
		return nil, permissionDenied(c.readAction(), "secrets")
	}
	if at.Folder == nil {
		if c.old() {
			return nil, c.noFolderFor(at, "Create secret", q.env, q.path)
		}
		return nil, c.noFolder(at, q.env, q.path)
	}
	name := store.TrimSpace(c.params["secretName"])
	if strings.Contains(name, "\x00") {
		return nil, web.Broken("Find one")
	}
	return c.oneSecret(at, q, name, kind == "personal", wanted)
}

// noFolderFor is what writes, and in 2024 single reads, say about a missing
// environment or path: they name the operation.
func (c *call) noFolderFor(at store.Place, operation, env, path string) error {
	if c.old() {
		return web.Fail(http.StatusNotFound, operation, "Folder not found for the given environment slug & secret path")
	}
	f := c.noFolder(at, env, path)
	f.Name = map[string]string{"Create secret": "CreateSecret", "UpdateSecret": "UpdateSecret", "Delete secret": "DeleteSecret"}[operation]
	if f.Name == "" {
		f.Name = "NotFound"
	}
	return f
}

func (c *call) noSecret(name string) error {
	if c.old() {
		return web.NotFound("Secret not found")
	}
	return web.NotFound("Secret with name '%s' not found", name)
}

// noVersion is said about a version that a secret does not have. A server of July
// 2024 stumbles over it, also where the secret is missing.
func (c *call) noVersion(name string) error {
	if c.july() {
		return web.Fail(http.StatusInternalServerError, "Internal Server Error", "Cannot read properties of undefined (reading 'secretId')")
	}
	return c.noSecret(name)
}

// noSecretToChange is what updates and deletes say about a missing secret.
func (c *call) noSecretToChange(name string) error {
	if c.july() {
		return web.BadRequest("Secret not found: blind index %s", name)
	}
	return c.noSecret(name)
}

// oneSecret finds a secret in the folder, then in its imports, the last first.
func (c *call) oneSecret(at store.Place, q readQuery, name string, personal bool, number int) (any, error) {
	x := at.Folder.Shared(name)
	if number > 0 && !c.old() {
		if was := at.Folder.VersionOf(name, number); was != nil {
			x = was
		}
	}
	if personal {
		x = nil
		if c.who.isUser() {
			x = at.Folder.Personal(name)
		}
	}
	imported := false
	if x == nil && q.imports && !personal {
		at, x = c.findImported(at, name)
		imported = x != nil
	}
	switch {
	case x == nil && number > 0:
		return nil, c.noVersion(name)
	case x == nil:
		return nil, c.noSecret(name)
	}
	j := c.readJSON(at, x)
	if imported && c.old() {
		j.Tags = nil
	}
	if number > 0 && c.profile != web.Y2024 { // which does not look at it
		v, ok := x.VersionAt(number)
		if !ok || v.Key != name {
			return nil, c.noVersion(name)
		}
		j.Version, j.Key, j.Value, j.Comment, j.UpdatedAt = v.Number, v.Key, v.Value, v.Comment, stamp(v.UpdatedAt)
	}
	ex := c.expander(at.Project)
	switch hidden := c.hidden(at.Project, at.Env.Slug, at.Path, name); {
	case hidden && (q.view || c.old()):
		return nil, permissionDenied(c.readAction(), "secrets")
	case !q.view:
		j.hide()
	case q.expand:
		ex.absoluteOnly = c.july()
		j.Value = ex.expand(j.Value, at.Env.Slug, at.Path)
	}
	return map[string]any{"secret": j}, ex.failure()
}

// getSecretByID is the current servers' way to find a secret again after a rename.
func (c *call) getSecretByID() (any, error) {
	at, x := c.secretByID(c.params["secretId"])
	if x == nil {
		return nil, web.NotFound("Secret with ID '%s' not found", c.params["secretId"])
	}
	if err := c.member(at.Project, nil); err != nil {
		return nil, err
	}
	if c.denied(at.Project, at.Env.Slug, at.Path) || c.hidden(at.Project, at.Env.Slug, at.Path, x.Key) || x.Personal && !c.who.isUser() {
		return nil, permissionDenied(c.readAction(), "secrets")
	}
	return map[string]any{"secret": c.readJSON(at, x)}, nil
}

func (c *call) secretByID(id string) (store.Place, *store.Secret) {
	for _, p := range c.state.Projects {
		for _, e := range p.Environments {
			for _, at := range (store.Place{Project: p, Env: e, Path: "/", Folder: e.Root}).Below() {
				if x := store.Find(at.Folder.Secrets, func(x *store.Secret) bool { return x.ID == id }); x != nil {
					return at, x
				}
			}
		}
	}
	return store.Place{}, nil
}

// listVersions lists what a secret was, the newest first. Only users may ask.
func (c *call) listVersions() (any, error) {
	f := c.queryForm()
	offset, _ := strconv.Atoi(f.Str("offset"))
	limit, _ := strconv.Atoi(f.Str("limit"))
	if err := f.Failure(); err != nil {
		return nil, err
	}
	at, x := c.secretByID(c.params["secretId"])
	if x == nil {
		return nil, web.NotFound("Secret with ID '%s' not found", c.params["secretId"])
	}
	list := []secretJSON{}
	for n := x.Version - offset; n >= 1 && len(list) < limit; n-- {
		v, ok := x.VersionAt(n)
		if !ok {
			continue
		}
		j := c.secretJSON(at, x)
		j.Version, j.Key, j.Value, j.Comment, j.UpdatedAt = v.Number, v.Key, v.Value, v.Comment, stamp(v.UpdatedAt)
		list = append(list, j)
	}
	return map[string]any{"secretVersions": list}, nil
}
