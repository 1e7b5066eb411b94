package secretread

import (
	"strconv"
	"strings"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Get answers with one secret of a folder or of what the folder imports, or with
// a former version of an own one.
func Get(c *call.Call) (any, error) {
	f := c.QueryForm()
	kind := f.OneOf("type", "shared", "shared", "personal")
	number := f.StrOr("version", "")
	wanted, err := strconv.Atoi(number)
	if number != "" && err != nil {
		f.Complain(web.Issue{Code: "invalid_type", Expected: "number", Received: "nan", Path: f.Path("version"), Message: "Expected number, received nan"})
	}
	q, err := parseReadQuery(c, f)
	if err != nil {
		return nil, err
	}
	at, err := c.Lookup(q.project, q.env, q.path)
	if err != nil {
		return nil, err
	}
	denied := c.Denied(q.project, q.env, q.path)
	if denied && !c.GoReads() {
		return nil, call.PermissionDenied(c.ReadAction(), "secrets")
	}
	if at.Folder == nil {
		if c.Old() {
			return nil, c.NoFolderFor(at, "Create secret", q.env, q.path)
		}
		return nil, c.NoFolder(at, q.env, q.path)
	}
	name := store.TrimSpace(c.Params["secretName"])
	if strings.Contains(name, "\x00") {
		return nil, web.Broken("Find one")
	}
	return oneSecret(c, at, q, name, kind == "personal", wanted)
}

// oneSecret finds a secret in the folder, then in its imports, the last first.
func oneSecret(c *call.Call, at store.Place, q readQuery, name string, personal bool, number int) (any, error) {
	x := at.Folder.Shared(name)
	if number > 0 && !c.Old() {
		if was := at.Folder.VersionOf(name, number); was != nil {
			x = was
		}
	}
	if personal {
		x = nil
		if c.Who.IsUser() {
			x = at.Folder.Personal(name)
		}
	}
	imported := false
	if x == nil && q.imports && !personal {
		at, x = findImported(c, at, name)
		imported = x != nil
	}
	switch {
	case x == nil && number > 0:
		return nil, c.NoVersion(name)
	case x == nil:
		return nil, c.NoSecret(name)
	}
	j := shape.ReadSecretOf(c, at, x)
	if imported && c.Old() {
		j.Tags = nil
	}
	if number > 0 && c.Profile != web.Y2024 { // which does not look at it
		v, ok := x.VersionAt(number)
		if !ok || v.Key != name {
			return nil, c.NoVersion(name)
		}
		j.Version, j.Key, j.Value, j.Comment, j.UpdatedAt = v.Number, v.Key, v.Value, v.Comment, call.Stamp(v.UpdatedAt)
	}
	ex := newExpander(c, at.Project)
	switch hidden := c.Hidden(at.Project, at.Env.Slug, at.Path, name); {
	case hidden && (q.view || c.Old()), c.Denied(at.Project, at.Env.Slug, at.Path): // which the backend in Go finds out last
		return nil, call.PermissionDenied(c.ReadAction(), "secrets")
	case !q.view:
		j.Hide()
	case q.expand:
		ex.absoluteOnly = c.July()
		j.Value = ex.expand(j.Value, at.Env.Slug, at.Path)
	}
	return map[string]any{"secret": j}, ex.failure()
}

// GetByID is the current servers' way to find a secret again after a rename.
func GetByID(c *call.Call) (any, error) {
	at, x := secretByID(c, c.Params["secretId"])
	if x == nil {
		return nil, web.NotFound("Secret with ID '%s' not found", c.Params["secretId"])
	}
	if err := c.Member(at.Project, nil); err != nil {
		return nil, err
	}
	if c.Denied(at.Project, at.Env.Slug, at.Path) || c.Hidden(at.Project, at.Env.Slug, at.Path, x.Key) || x.Personal && !c.Who.IsUser() {
		return nil, call.PermissionDenied(c.ReadAction(), "secrets")
	}
	return map[string]any{"secret": shape.ReadSecretOf(c, at, x)}, nil
}

func secretByID(c *call.Call, id string) (store.Place, *store.Secret) {
	for _, p := range c.State.Projects {
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

// Versions lists what a secret was, the newest first. Only users may ask.
func Versions(c *call.Call) (any, error) {
	f := c.QueryForm()
	offset, _ := strconv.Atoi(f.Str("offset"))
	limit, _ := strconv.Atoi(f.Str("limit"))
	if err := f.Failure(); err != nil {
		return nil, err
	}
	at, x := secretByID(c, c.Params["secretId"])
	if x == nil {
		return nil, web.NotFound("Secret with ID '%s' not found", c.Params["secretId"])
	}
	list := []shape.Secret{}
	for n := x.Version - offset; n >= 1 && len(list) < limit; n-- {
		v, ok := x.VersionAt(n)
		if !ok {
			continue
		}
		j := shape.SecretOf(c, at, x)
		j.Version, j.Key, j.Value, j.Comment, j.UpdatedAt = v.Number, v.Key, v.Value, v.Comment, call.Stamp(v.UpdatedAt)
		list = append(list, j)
	}
	return map[string]any{"secretVersions": list}, nil
}
