package devserver

import (
	"net/http"
	"time"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func folderRoutes(p web.Profile) []route {
	routes := foldersUnder("/api/v1/folders")
	if !p.Old() {
		routes = append(routes, foldersUnder("/api/v2/folders")...)
	}
	return routes
}

func foldersUnder(base string) []route {
	return []route{
		{"GET", base, web.ReadClass, members, (*call).listFolders},
		{"GET", base + "/:id", web.ReadClass, members, (*call).getFolder},
		{"POST", base, web.SecretClass, members, (*call).createFolder},
		{"PATCH", base + "/batch", web.SecretClass, members, (*call).renameFolders},
		{"PATCH", base + "/:id", web.SecretClass, members, (*call).renameFolder},
		{"DELETE", base + "/:id", web.SecretClass, members, (*call).deleteFolder},
	}
}

type folderJSON struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	Version      int     `json:"version"`
	CreatedAt    string  `json:"createdAt"`
	UpdatedAt    string  `json:"updatedAt"`
	EnvID        string  `json:"envId"`
	ParentID     *string `json:"parentId"`
	IsReserved   bool    `json:"isReserved"`
	RelativePath string  `json:"relativePath,omitempty"` // of a recursive list: the path from the environment's root

	*currentFolderJSON // nil on servers of 2024
	*folderPlaceJSON   // of a single folder
}

type currentFolderJSON struct {
	Description        *string `json:"description"`
	LastSecretModified *string `json:"lastSecretModified"` // of a secret directly in the folder
}

type folderPlaceJSON struct {
	Environment folderEnvironmentJSON `json:"environment"`
	Path        string                `json:"path"`
	ProjectID   string                `json:"projectId"`
}

type folderEnvironmentJSON struct {
	ID   string `json:"envId"`
	Name string `json:"envName"`
	Slug string `json:"envSlug"`
}

// folderJSON renders a folder; parent is nil for an environment's root.
func (c *call) folderJSON(e *store.Environment, parent, f *store.Folder) folderJSON {
	j := folderJSON{
		ID: f.ID, Name: f.Name, Version: f.Version, EnvID: e.ID,
		CreatedAt: stamp(f.CreatedAt), UpdatedAt: stamp(f.UpdatedAt),
	}
	if parent != nil {
		id := parent.ID
		j.ParentID = &id
	}
	if !c.old() {
		j.currentFolderJSON = &currentFolderJSON{}
		if f.Description != nil {
			d := *f.Description
			j.Description = &d
		}
		if !f.SecretModified.IsZero() {
			t := stamp(f.SecretModified)
			j.LastSecretModified = &t
		}
	}
	return j
}

// folderTarget reads the project, environment and parent path of the folder and
// import routes; v2 says projectId where v1 says workspaceId.
func (c *call) folderTarget(f *web.Form) (writeTarget, error) {
	id := ""
	if c.route.pattern[:len("/api/v2/")] == "/api/v2/" {
		id = f.Str("projectId")
	} else {
		id = f.Str("workspaceId")
	}
	t := writeTarget{env: f.Str("environment"), path: f.StrOr("path", f.StrOr("directory", "/"))}
	if err := f.Failure(); err != nil {
		return t, err
	}
	if t.path = store.SecretPath(t.path); t.path == "" || !c.july() {
		t.path = store.FolderPath(t.path)
	}
	t.project = c.state.ProjectByID(id)
	missing := web.NotFound("Project with ID '%s' not found", id)
	if c.old() {
		missing = c.notMember()
	}
	return t, c.member(t.project, missing)
}

// listFolders shows every member all folders, also those whose secrets it may
// not read. A path that does not exist has no folders; an environment that does
// not exist is an error.
func (c *call) listFolders() (any, error) {
	f := c.queryForm()
	recursive, since := false, time.Time{}
	if !c.old() {
		recursive = f.Flag("recursive", false)
		if text := f.StrOr("lastSecretModified", ""); text != "" {
			var err error
			if since, err = time.Parse(time.RFC3339, text); err != nil {
				f.Custom("lastSecretModified", "Invalid datetime")
			}
		}
	}
	t, err := c.folderTarget(f)
	if err != nil {
		return nil, err
	}
	at, err := c.lookup(t.project, t.env, t.path)
	if err != nil {
		return nil, err
	}
	if at.Env == nil {
		if c.old() {
			return nil, web.Fail(http.StatusNotFound, "get folders", "Environment not found")
		}
		return nil, web.NotFound("Environment with slug '%s' in project with ID '%s' not found", t.env, t.project.ID)
	}
	list := []folderJSON{}
	if at.Folder == nil {
		return map[string]any{"folders": list}, nil
	}
	parents := []store.Place{at}
	if recursive {
		parents = at.Below()
	}
	for _, parent := range parents {
		for _, child := range parent.Folder.Folders {
			if child.SecretModified.Before(since) {
				continue
			}
			j := c.folderJSON(at.Env, parent.Folder, child)
			if recursive {
				j.RelativePath = store.JoinPath(parent.Path, child.Name)
			}
			list = append(list, j)
		}
	}
	return map[string]any{"folders": list}, nil
}

func (c *call) getFolder() (any, error) {
	id := c.params["id"]
	at, parent := c.folderByID(id)
	if at.Folder == nil {
		switch {
		case c.july():
			return nil, web.Fail(http.StatusNotFound, "NotFound", "folder not found")
		case c.old():
			return nil, web.NotFound("Folder not found")
		}
		return nil, web.NotFound("Folder with ID '%s' not found", id)
	}
	if err := c.member(at.Project, nil); err != nil {
		return nil, err
	}
	j := c.folderJSON(at.Env, parent, at.Folder)
	if c.july() {
		return map[string]any{"folder": j}, nil
	}
	j.folderPlaceJSON = &folderPlaceJSON{
		Environment: folderEnvironmentJSON{at.Env.ID, at.Env.Name, at.Env.Slug},
		Path:        at.Path,
		ProjectID:   at.Project.ID,
	}
	return map[string]any{"folder": j}, nil
}

func (c *call) folderByID(id string) (at store.Place, parent *store.Folder) {
	for _, p := range c.state.Projects {
		for _, e := range p.Environments {
			all := (store.Place{Project: p, Env: e, Path: "/", Folder: e.Root}).Below()
			for _, at := range all {
				if at.Folder.ID == id {
					return at, nil
				}
				if f := store.Find(at.Folder.Folders, func(f *store.Folder) bool { return f.ID == id }); f != nil {
					return store.Place{Project: p, Env: e, Path: store.JoinPath(at.Path, f.Name), Folder: f}, at.Folder
				}
			}
		}
	}
	return store.Place{}, nil
}
