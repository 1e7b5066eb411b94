package devserver

import (
	"net/http"
	"slices"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func importRoutes(p web.Profile) []route {
	routes := importsUnder("/api/v1/secret-imports")
	if !p.Old() {
		routes = append(routes, importsUnder("/api/v2/secret-imports")...)
	}
	return routes
}

func importsUnder(base string) []route {
	return []route{
		{"GET", base, web.ReadClass, members, (*call).listImports},
		{"GET", base + "/secrets/raw", web.SecretClass, members, (*call).listImportedSecrets},
		{"POST", base, web.SecretClass, members, (*call).createImport},
		{"PATCH", base + "/:id", web.SecretClass, members, (*call).updateImport},
		{"DELETE", base + "/:id", web.SecretClass, members, (*call).deleteImport},
	}
}

type secretImportJSON struct {
	ID                   string          `json:"id"`
	Version              int             `json:"version"`
	ImportPath           string          `json:"importPath"`
	Position             int             `json:"position"`
	CreatedAt            string          `json:"createdAt"`
	UpdatedAt            string          `json:"updatedAt"`
	FolderID             string          `json:"folderId"`
	IsReplication        bool            `json:"isReplication"`
	IsReplicationSuccess *bool           `json:"isReplicationSuccess"`
	ReplicationStatus    *string         `json:"replicationStatus"`
	LastReplicated       *string         `json:"lastReplicated"`
	IsReserved           bool            `json:"isReserved"`
	ImportEnv            environmentJSON `json:"importEnv"`
}

func importJSONOf(at store.Place, im *store.SecretImport) secretImportJSON {
	j := secretImportJSON{
		ID: im.ID, Version: im.Version, ImportPath: im.Path, Position: slices.Index(at.Folder.Imports, im) + 1,
		CreatedAt: stamp(im.CreatedAt), UpdatedAt: stamp(im.UpdatedAt), FolderID: at.Folder.ID,
	}
	if e := at.Project.Env(im.Env); e != nil {
		j.ImportEnv = environmentJSON{e.Name, e.Slug, e.ID}
	}
	return j
}

// importPlace finds the folder whose imports a request is about.
func (c *call) importPlace(t writeTarget) (store.Place, error) {
	at, err := c.lookup(t.project, t.env, t.path)
	if err != nil {
		return at, err
	}
	if at.Folder == nil {
		if c.old() {
			return at, web.NotFound("Folder not found")
		}
		return at, c.noFolder(at, t.env, t.path)
	}
	return at, nil
}

// listImports lists in order of position: of two imports of one name, the later counts.
func (c *call) listImports() (any, error) {
	t, err := c.folderTarget(c.queryForm())
	if err != nil {
		return nil, err
	}
	at, err := c.importPlace(t)
	if err != nil {
		return nil, err
	}
	if c.denied(t.project, t.env, t.path) {
		return nil, permissionDenied("read", "secret-imports")
	}
	list := []secretImportJSON{}
	for _, im := range at.Folder.Imports {
		list = append(list, importJSONOf(at, im))
	}
	return map[string]any{"message": "Successfully fetched secret imports", "secretImports": list}, nil
}

// listImportedSecrets shows what the imports bring, unexpanded and with dates.
func (c *call) listImportedSecrets() (any, error) {
	t, err := c.folderTarget(c.queryForm())
	if err != nil {
		return nil, err
	}
	at, err := c.importPlace(t)
	if err != nil {
		return nil, err
	}
	list := []importJSON{}
	for _, r := range c.resolve([]store.Place{at}) {
		e := r.at.Env
		entry := importJSON{
			SecretPath: r.at.Path, Environment: e.Slug, FolderID: r.at.Folder.ID,
			EnvironmentInfo: &environmentJSON{e.Name, e.Slug, e.ID}, Secrets: []secretJSON{},
		}
		for _, s := range firstOfEachName(r.secrets) {
			j := c.importedJSON(s.at, s.x)
			j.CreatedAt, j.UpdatedAt = stamp(s.x.CreatedAt), stamp(s.x.UpdatedAt)
			entry.Secrets = append(entry.Secrets, j)
		}
		list = append(list, entry)
	}
	return map[string]any{"secrets": list}, nil
}

// createImport takes any source: one that is imported already, one that does not
// exist, the folder itself.
func (c *call) createImport() (any, error) {
	f := c.bodyForm()
	source := f.Object("import")
	env, path := source.Str("environment"), store.FolderPath(source.Str("path"))
	t, err := c.folderTarget(f)
	if err != nil {
		return nil, err
	}
	if err := c.mayWrite("create", t.project, t.env, t.path); err != nil {
		return nil, permissionDenied("create", "secret-imports")
	}
	at, err := c.importPlace(t)
	if err != nil {
		return nil, err
	}
	if t.project.Env(env) == nil {
		return nil, web.NotFound("Imported environment not found")
	}
	im := at.Folder.AddImport(env, path, c.now)
	c.changed = true
	return map[string]any{"message": "Successfully created secret import", "secretImport": importJSONOf(at, im)}, nil
}

func (c *call) updateImport() (any, error) {
	f := c.bodyForm()
	alter := f.Object("import")
	env, path := alter.OptStr("environment"), alter.OptStr("path")
	position, _ := alter.Value("position").(float64)
	t, err := c.folderTarget(f)
	if err != nil {
		return nil, err
	}
	at, im, err := c.importOf(t, "edit")
	if err != nil {
		return nil, err
	}
	if env != nil {
		if t.project.Env(*env) == nil {
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
	im.UpdatedAt = c.now
	c.changed = true
	return map[string]any{"message": "Successfully updated secret import", "secretImport": importJSONOf(at, im)}, nil
}

func (c *call) deleteImport() (any, error) {
	f := c.bodyForm()
	t, err := c.folderTarget(f)
	if err != nil {
		return nil, err
	}
	at, im, err := c.importOf(t, "delete")
	if err != nil {
		return nil, err
	}
	j := importJSONOf(at, im)
	at.Folder.Imports = slices.DeleteFunc(at.Folder.Imports, func(x *store.SecretImport) bool { return x == im })
	c.changed = true
	return map[string]any{"message": "Successfully deleted secret import", "secretImport": j}, nil
}

// importOf finds the import whose id is in the URL.
func (c *call) importOf(t writeTarget, action string) (store.Place, *store.SecretImport, error) {
	if err := c.mayWrite(action, t.project, t.env, t.path); err != nil {
		return store.Place{}, nil, permissionDenied(action, "secret-imports")
	}
	at, err := c.importPlace(t)
	if err != nil {
		return store.Place{}, nil, err
	}
	im := store.Find(at.Folder.Imports, func(x *store.SecretImport) bool { return x.ID == c.params["id"] })
	if im == nil {
		return store.Place{}, nil, web.Fail(http.StatusNotFound, "NotFound", "Secret import not found")
	}
	return at, im, nil
}
