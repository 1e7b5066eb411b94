package folders

import (
	"net/http"
	"time"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Routes are the routes of folders: v1 on all servers, v2 on current ones.
func Routes(p web.Profile) []call.Route {
	routes := foldersUnder("/api/v1/folders")
	if !p.Old() {
		routes = append(routes, foldersUnder("/api/v2/folders")...)
	}
	return routes
}

func foldersUnder(base string) []call.Route {
	return []call.Route{
		call.On("GET", base, web.ReadClass, call.Members, listFolders),
		call.On("GET", base+"/:id", web.ReadClass, call.Members, getFolder),
		call.On("POST", base, web.SecretClass, call.Members, createFolder),
		call.On("PATCH", base+"/batch", web.SecretClass, call.Members, renameFolders),
		call.On("PATCH", base+"/:id", web.SecretClass, call.Members, renameFolder),
		call.On("DELETE", base+"/:id", web.SecretClass, call.Members, deleteFolder),
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

// renderFolder renders a folder; parent is nil for an environment's root.
func renderFolder(c *call.Call, e *store.Environment, parent, f *store.Folder) folderJSON {
	j := folderJSON{
		ID: f.ID, Name: f.Name, Version: f.Version, EnvID: e.ID,
		CreatedAt: call.Stamp(f.CreatedAt), UpdatedAt: call.Stamp(f.UpdatedAt),
	}
	if parent != nil {
		id := parent.ID
		j.ParentID = &id
	}
	if !c.Old() {
		j.currentFolderJSON = &currentFolderJSON{}
		if f.Description != nil {
			d := *f.Description
			j.Description = &d
		}
		if !f.SecretModified.IsZero() {
			t := call.Stamp(f.SecretModified)
			j.LastSecretModified = &t
		}
	}
	return j
}

// folderTarget reads the project, environment and parent path of the folder and
// import routes; v2 says projectId where v1 says workspaceId.
func folderTarget(c *call.Call, f *web.Form) (call.Target, error) {
	id := ""
	if c.Route.Pattern[:len("/api/v2/")] == "/api/v2/" {
		id = f.Str("projectId")
	} else {
		id = f.Str("workspaceId")
	}
	t := call.Target{Env: f.Str("environment"), Path: f.StrOr("path", f.StrOr("directory", "/"))}
	if err := f.Failure(); err != nil {
		return t, err
	}
	if t.Path = store.SecretPath(t.Path); t.Path == "" || !c.July() {
		t.Path = store.FolderPath(t.Path)
	}
	t.Project = c.State.ProjectByID(id)
	missing := web.NotFound("Project with ID '%s' not found", id)
	if c.Old() {
		missing = c.NotMember()
	}
	return t, c.Member(t.Project, missing)
}

// listFolders shows every member all folders, also those whose secrets it may
// not read. A path that does not exist has no folders; an environment that does
// not exist is an error.
func listFolders(c *call.Call) (any, error) {
	f := c.QueryForm()
	recursive, since := false, time.Time{}
	if !c.Old() {
		recursive = f.Flag("recursive", false)
		if text := f.StrOr("lastSecretModified", ""); text != "" {
			var err error
			if since, err = time.Parse(time.RFC3339, text); err != nil {
				f.Custom("lastSecretModified", "Invalid datetime")
			}
		}
	}
	t, err := folderTarget(c, f)
	if err != nil {
		return nil, err
	}
	at, err := c.Lookup(t.Project, t.Env, t.Path)
	if err != nil {
		return nil, err
	}
	if at.Env == nil {
		if c.Old() {
			return nil, web.Fail(http.StatusNotFound, "get folders", "Environment not found")
		}
		return nil, web.NotFound("Environment with slug '%s' in project with ID '%s' not found", t.Env, t.Project.ID)
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
			j := renderFolder(c, at.Env, parent.Folder, child)
			if recursive {
				j.RelativePath = store.JoinPath(parent.Path, child.Name)
			}
			list = append(list, j)
		}
	}
	return map[string]any{"folders": list}, nil
}

func getFolder(c *call.Call) (any, error) {
	id := c.Params["id"]
	at, parent := folderByID(c, id)
	if at.Folder == nil {
		switch {
		case c.July():
			return nil, web.Fail(http.StatusNotFound, "NotFound", "folder not found")
		case c.Old():
			return nil, web.NotFound("Folder not found")
		}
		return nil, web.NotFound("Folder with ID '%s' not found", id)
	}
	if err := c.Member(at.Project, nil); err != nil {
		return nil, err
	}
	j := renderFolder(c, at.Env, parent, at.Folder)
	if c.July() {
		return map[string]any{"folder": j}, nil
	}
	j.folderPlaceJSON = &folderPlaceJSON{
		Environment: folderEnvironmentJSON{at.Env.ID, at.Env.Name, at.Env.Slug},
		Path:        at.Path,
		ProjectID:   at.Project.ID,
	}
	return map[string]any{"folder": j}, nil
}

func folderByID(c *call.Call, id string) (at store.Place, parent *store.Folder) {
	for _, p := range c.State.Projects {
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
