package folders

import (
	"net/http"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// maxFolderName is the width, in characters, of the database's column.
const maxFolderName = 255

var folderNamePattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// createFolder makes a folder and the parents that are missing. A current server
// takes letters, digits, dash and underscore, and refuses a name that is there.
// A server of 2024 looks the joined path up first, and answers with what it
// finds: the folder that is there already, or, for a name like "..", the parent's
// parent.
func createFolder(c *call.Call) (any, error) {
	f := c.BodyForm()
	name := store.TrimSpace(f.Str("name"))
	if !c.Old() && f.Fields != nil && !folderNamePattern.MatchString(name) {
		f.Custom("name", "Folder name can only contain alphanumeric characters, dashes, and underscores")
	}
	description := f.OptStr("description")
	t, err := folderTarget(c, f)
	if err != nil {
		return nil, err
	}
	if err := c.MayWrite("create", t.Project, t.Env, t.Path); err != nil {
		return nil, err
	}
	whole := path.Join(t.Path, name)
	at, err := c.Lookup(t.Project, t.Env, whole)
	if err != nil {
		return nil, err
	}
	if at.Env == nil {
		return nil, noEnvironment(c, "Create folder", t)
	}
	if at.Folder != nil {
		if !c.Old() {
			return nil, web.BadRequest("Folder with name '%s' already exists in path '%s'", name, t.Path)
		}
		return map[string]any{"folder": renderFolder(c, at.Env, at.Env.Root.ParentOf(at.Folder), at.Folder)}, nil
	}
	if utf8.RuneCountInString(name) > maxFolderName {
		return nil, web.Broken("Create")
	}
	parent := makeParents(c, at.Env.Root, t.Path, whole)
	made := parent.AddFolder(name, c.Now)
	made.Description = description
	c.Changed = true
	return map[string]any{"folder": renderFolder(c, at.Env, parent, made)}, nil
}

// makeParents returns the folder at dir, after making what is missing of it. If
// the name has a slash and part of it exists below dir, that part is the parent.
func makeParents(c *call.Call, root *store.Folder, dir, whole string) *store.Folder {
	closest, at := root, "/"
	for name := range strings.SplitSeq(strings.Trim(whole, "/"), "/") {
		next := closest.Child(name)
		if next == nil {
			break
		}
		closest, at = next, store.JoinPath(at, name)
	}
	if len(at) > len(dir) {
		return closest
	}
	for name := range strings.SplitSeq(dir[len(at):], "/") {
		if name != "" {
			closest = closest.AddFolder(name, c.Now)
		}
	}
	return closest
}

func noEnvironment(c *call.Call, operation string, t call.Target) error {
	if c.Old() {
		return web.Fail(http.StatusNotFound, operation, "Environment not found")
	}
	return web.NotFound("Environment with slug '%s' in project with ID '%s' not found", t.Env, t.Project.ID)
}

func renameFolder(c *call.Call) (any, error) {
	f := c.BodyForm()
	name := f.Str("name")
	checkFolderName(c, f, name)
	t, err := folderTarget(c, f)
	if err != nil {
		return nil, err
	}
	j, err := rename(c, t, c.Params["id"], name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"folder": j}, nil
}

// checkFolderName: a server of 2024 checks nothing when a folder is renamed.
func checkFolderName(c *call.Call, f *web.Form, name string) {
	if !c.Old() && f.Fields != nil && !folderNamePattern.MatchString(name) {
		f.Custom("name", "Folder name can only contain alphanumeric characters, dashes, and underscores")
	}
}

// renameFolders renames several, each with its environment and parent path.
func renameFolders(c *call.Call) (any, error) {
	f := c.BodyForm()
	slug := f.Str("projectSlug")
	type renaming struct{ id, name, env, path string }
	var all []renaming
	for _, e := range f.Objects("folders", 1) {
		r := renaming{e.Str("id"), e.Str("name"), e.Str("environment"), store.FolderPath(e.StrOr("path", "/"))}
		checkFolderName(c, e, r.name)
		all = append(all, r)
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	p := c.State.ProjectBySlug(slug)
	if err := c.Member(p, web.NotFound("Project with slug '%s' not found", slug)); err != nil {
		return nil, err
	}
	list := []folderJSON{}
	for _, r := range all {
		j, err := rename(c, call.Target{Project: p, Env: r.env, Path: r.path}, r.id, r.name)
		if err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return map[string]any{"folders": list}, nil
}

// rename gives a folder another name in the same place; there is no call that
// moves one elsewhere.
func rename(c *call.Call, t call.Target, idOrName, name string) (folderJSON, error) {
	if err := c.MayWrite("edit", t.Project, t.Env, t.Path); err != nil {
		return folderJSON{}, err
	}
	parent, err := c.Lookup(t.Project, t.Env, t.Path)
	if err != nil {
		return folderJSON{}, err
	}
	if parent.Env == nil {
		return folderJSON{}, noEnvironment(c, "Update folder", t)
	}
	if parent.Folder == nil || parent.Folder.ChildOf(idOrName) == nil {
		return folderJSON{}, web.NotFound("Folder not found")
	}
	target := parent.Folder.ChildOf(idOrName)
	if other := parent.Folder.Child(name); other != nil && other != target {
		return folderJSON{}, web.Fail(http.StatusBadRequest, "Update folder", "Folder with specified name already exists")
	}
	target.Name = name
	target.Version++
	target.UpdatedAt = c.Now
	c.Changed = true
	return renderFolder(c, parent.Env, parent.Folder, target), nil
}

// deleteFolder deletes a folder with all that is in it; a current server wants
// forceDelete for that unless it is empty.
func deleteFolder(c *call.Call) (any, error) {
	f := c.BodyForm()
	force := c.Old() || f.Boolean("forceDelete", false)
	t, err := folderTarget(c, f)
	if err != nil {
		return nil, err
	}
	if err := c.MayDeleteFolder(t.Project, t.Env, t.Path); err != nil {
		return nil, err
	}
	parent, err := c.Lookup(t.Project, t.Env, t.Path)
	if err != nil {
		return nil, err
	}
	if parent.Folder == nil {
		return nil, web.NotFound("Secret path not found")
	}
	target := parent.Folder.ChildOf(c.Params["id"])
	if target == nil {
		return nil, web.Fail(http.StatusNotFound, "Delete folder", "Folder not found")
	}
	if !force && len(target.Secrets)+len(target.Folders)+len(target.Imports) > 0 {
		return nil, web.BadRequest("Folder '%s' is not empty. Use forceDelete to delete it with all that it contains", target.Name)
	}
	if c.NeedsApproval(parent, false) {
		return nil, web.Fail(http.StatusBadRequest, "DeleteFolderProtectedByPolicy", "Folder '%s' is protected by a change policy", target.Name)
	}
	parent.Folder.RemoveFolder(target)
	c.Changed = true
	return map[string]any{"folder": renderFolder(c, parent.Env, parent.Folder, target)}, nil
}
