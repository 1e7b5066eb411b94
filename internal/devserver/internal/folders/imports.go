package folders

import (
	"net/http"
	"slices"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/secretread"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// ImportRoutes are the routes of the imports of folders, in the same versions.
func ImportRoutes(p web.Profile) []call.Route {
	routes := importsUnder("/api/v1/secret-imports")
	if !p.Old() {
		routes = append(routes, importsUnder("/api/v2/secret-imports")...)
	}
	return routes
}

func importsUnder(base string) []call.Route {
	return []call.Route{
		call.On("GET", base, web.ReadClass, call.Members, listImports),
		call.On("GET", base+"/secrets/raw", web.SecretClass, call.Members, listImportedSecrets),
		call.On("POST", base, web.SecretClass, call.Members, createImport),
		call.On("PATCH", base+"/:id", web.SecretClass, call.Members, updateImport),
		call.On("DELETE", base+"/:id", web.SecretClass, call.Members, deleteImport),
	}
}

type secretImportJSON struct {
	ID                   string            `json:"id"`
	Version              int               `json:"version"`
	ImportPath           string            `json:"importPath"`
	Position             int               `json:"position"`
	CreatedAt            string            `json:"createdAt"`
	UpdatedAt            string            `json:"updatedAt"`
	FolderID             string            `json:"folderId"`
	IsReplication        bool              `json:"isReplication"`
	IsReplicationSuccess *bool             `json:"isReplicationSuccess"`
	ReplicationStatus    *string           `json:"replicationStatus"`
	LastReplicated       *string           `json:"lastReplicated"`
	IsReserved           bool              `json:"isReserved"`
	ImportEnv            shape.Environment `json:"importEnv"`
}

func importJSONOf(at store.Place, im *store.SecretImport) secretImportJSON {
	j := secretImportJSON{
		ID: im.ID, Version: im.Version, ImportPath: im.Path, Position: slices.Index(at.Folder.Imports, im) + 1,
		CreatedAt: call.Stamp(im.CreatedAt), UpdatedAt: call.Stamp(im.UpdatedAt), FolderID: at.Folder.ID,
	}
	if e := at.Project.Env(im.Env); e != nil {
		j.ImportEnv = shape.Environment{Name: e.Name, Slug: e.Slug, ID: e.ID}
	}
	return j
}

// importPlace finds the folder whose imports a request is about.
func importPlace(c *call.Call, t call.Target) (store.Place, error) {
	at, err := c.Lookup(t.Project, t.Env, t.Path)
	if err != nil {
		return at, err
	}
	if at.Folder == nil {
		if c.Old() {
			return at, web.NotFound("Folder not found")
		}
		return at, c.NoFolder(at, t.Env, t.Path)
	}
	return at, nil
}

// listImports lists in order of position: of two imports of one name, the later counts.
func listImports(c *call.Call) (any, error) {
	t, err := folderTarget(c, c.QueryForm())
	if err != nil {
		return nil, err
	}
	at, err := importPlace(c, t)
	if err != nil {
		return nil, err
	}
	if c.Denied(t.Project, t.Env, t.Path) {
		return nil, call.PermissionDenied("read", "secret-imports")
	}
	list := []secretImportJSON{}
	for _, im := range at.Folder.Imports {
		list = append(list, importJSONOf(at, im))
	}
	return map[string]any{"message": "Successfully fetched secret imports", "secretImports": list}, nil
}

// listImportedSecrets shows what the imports bring, unexpanded and with dates.
func listImportedSecrets(c *call.Call) (any, error) {
	t, err := folderTarget(c, c.QueryForm())
	if err != nil {
		return nil, err
	}
	at, err := importPlace(c, t)
	if err != nil {
		return nil, err
	}
	return map[string]any{"secrets": secretread.ImportedSecrets(c, at)}, nil
}

// createImport takes any source: one that is imported already, one that does not
// exist, the folder itself.
func createImport(c *call.Call) (any, error) {
	f := c.BodyForm()
	source := f.Object("import")
	env, path := source.Str("environment"), store.FolderPath(source.Str("path"))
	t, err := folderTarget(c, f)
	if err != nil {
		return nil, err
	}
	if err := c.MayWrite("create", t.Project, t.Env, t.Path); err != nil {
		return nil, call.PermissionDenied("create", "secret-imports")
	}
	at, err := importPlace(c, t)
	if err != nil {
		return nil, err
	}
	if t.Project.Env(env) == nil {
		return nil, web.NotFound("Imported environment not found")
	}
	im := at.Folder.AddImport(env, path, c.Now)
	c.Changed = true
	return map[string]any{"message": "Successfully created secret import", "secretImport": importJSONOf(at, im)}, nil
}

func updateImport(c *call.Call) (any, error) {
	f := c.BodyForm()
	alter := f.Object("import")
	env, path := alter.OptStr("environment"), alter.OptStr("path")
	position, _ := alter.Value("position").(float64)
	t, err := folderTarget(c, f)
	if err != nil {
		return nil, err
	}
	at, im, err := importOf(c, t, "edit")
	if err != nil {
		return nil, err
	}
	if env != nil {
		if t.Project.Env(*env) == nil {
			return nil, web.NotFound("Imported environment not found")
		}
		im.Env = *env
	}
	if path != nil {
		im.Path = store.FolderPath(*path)
	}
	if n := int(position); n >= 1 && n <= len(at.Folder.Imports) {
		others := slices.DeleteFunc(slices.Clone(at.Folder.Imports), func(x *store.SecretImport) bool { return x == im })
		at.Folder.Imports = slices.Insert(others, n-1, im)
	}
	im.UpdatedAt = c.Now
	c.Changed = true
	return map[string]any{"message": "Successfully updated secret import", "secretImport": importJSONOf(at, im)}, nil
}

func deleteImport(c *call.Call) (any, error) {
	f := c.BodyForm()
	t, err := folderTarget(c, f)
	if err != nil {
		return nil, err
	}
	at, im, err := importOf(c, t, "delete")
	if err != nil {
		return nil, err
	}
	j := importJSONOf(at, im)
	at.Folder.Imports = slices.DeleteFunc(at.Folder.Imports, func(x *store.SecretImport) bool { return x == im })
	c.Changed = true
	return map[string]any{"message": "Successfully deleted secret import", "secretImport": j}, nil
}

// importOf finds the import whose id is in the URL.
func importOf(c *call.Call, t call.Target, action string) (store.Place, *store.SecretImport, error) {
	if err := c.MayWrite(action, t.Project, t.Env, t.Path); err != nil {
		return store.Place{}, nil, call.PermissionDenied(action, "secret-imports")
	}
	at, err := importPlace(c, t)
	if err != nil {
		return store.Place{}, nil, err
	}
	im := store.Find(at.Folder.Imports, func(x *store.SecretImport) bool { return x.ID == c.Params["id"] })
	if im == nil {
		return store.Place{}, nil, web.Fail(http.StatusNotFound, "NotFound", "Secret import not found")
	}
	return at, im, nil
}
