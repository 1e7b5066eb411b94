package devserver

import (
	"net/http"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

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
func (c *call) createFolder() (any, error) {
	f := c.bodyForm()
	name := store.TrimSpace(f.Str("name"))
	if !c.old() && f.Fields != nil && !folderNamePattern.MatchString(name) {
		f.Custom("name", "Folder name can only contain alphanumeric characters, dashes, and underscores")
	}
	description := f.OptStr("description")
	t, err := c.folderTarget(f)
	if err != nil {
		return nil, err
	}
	if err := c.mayWrite("create", t.project, t.env, t.path); err != nil {
		return nil, err
	}
	whole := path.Join(t.path, name)
	at, err := c.lookup(t.project, t.env, whole)
	if err != nil {
		return nil, err
	}
	if at.Env == nil {
		return nil, c.noEnvironment("Create folder", t)
	}
	if at.Folder != nil {
		if !c.old() {
			return nil, web.BadRequest("Folder with name '%s' already exists in path '%s'", name, t.path)
		}
		return map[string]any{"folder": c.folderJSON(at.Env, at.Env.Root.ParentOf(at.Folder), at.Folder)}, nil
	}
	if utf8.RuneCountInString(name) > maxFolderName {
		return nil, web.Broken("Create")
	}
	parent := c.makeParents(at.Env.Root, t.path, whole)
	made := parent.AddFolder(name, c.now)
	made.Description = description
	c.changed = true
	return map[string]any{"folder": c.folderJSON(at.Env, parent, made)}, nil
}

// makeParents returns the folder at dir, after making what is missing of it. If
// the name has a slash and part of it exists below dir, that part is the parent.
func (c *call) makeParents(root *store.Folder, dir, whole string) *store.Folder {
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
			closest = closest.AddFolder(name, c.now)
		}
	}
	return closest
}

func (c *call) noEnvironment(operation string, t writeTarget) error {
	if c.old() {
		return web.Fail(http.StatusNotFound, operation, "Environment not found")
	}
	return web.NotFound("Environment with slug '%s' in project with ID '%s' not found", t.env, t.project.ID)
}

func (c *call) renameFolder() (any, error) {
	f := c.bodyForm()
	name := f.Str("name")
	c.checkFolderName(f, name)
	t, err := c.folderTarget(f)
	if err != nil {
		return nil, err
	}
	j, err := c.rename(t, c.params["id"], name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"folder": j}, nil
}

// checkFolderName: a server of 2024 checks nothing when a folder is renamed.
func (c *call) checkFolderName(f *web.Form, name string) {
	if !c.old() && f.Fields != nil && !folderNamePattern.MatchString(name) {
		f.Custom("name", "Folder name can only contain alphanumeric characters, dashes, and underscores")
	}
}

// renameFolders renames several, each with its environment and parent path.
func (c *call) renameFolders() (any, error) {
	f := c.bodyForm()
	slug := f.Str("projectSlug")
	type renaming struct{ id, name, env, path string }
	var all []renaming
	for _, e := range f.Objects("folders", 1) {
		r := renaming{e.Str("id"), e.Str("name"), e.Str("environment"), store.FolderPath(e.StrOr("path", "/"))}
		c.checkFolderName(e, r.name)
		all = append(all, r)
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	p := c.state.ProjectBySlug(slug)
	if err := c.member(p, web.NotFound("Project with slug '%s' not found", slug)); err != nil {
		return nil, err
	}
	list := []folderJSON{}
	for _, r := range all {
		j, err := c.rename(writeTarget{p, r.env, r.path}, r.id, r.name)
		if err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return map[string]any{"folders": list}, nil
}

// rename gives a folder another name in the same place; there is no call that
// moves one elsewhere.
func (c *call) rename(t writeTarget, idOrName, name string) (folderJSON, error) {
	if err := c.mayWrite("edit", t.project, t.env, t.path); err != nil {
		return folderJSON{}, err
	}
	parent, err := c.lookup(t.project, t.env, t.path)
	if err != nil {
		return folderJSON{}, err
	}
	if parent.Env == nil {
		return folderJSON{}, c.noEnvironment("Update folder", t)
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
	target.UpdatedAt = c.now
	c.changed = true
	return c.folderJSON(parent.Env, parent.Folder, target), nil
}

// deleteFolder deletes a folder with all that is in it; a current server wants
// forceDelete for that unless it is empty.
func (c *call) deleteFolder() (any, error) {
	f := c.bodyForm()
	force := c.old() || f.Boolean("forceDelete", false)
	t, err := c.folderTarget(f)
	if err != nil {
		return nil, err
	}
	if err := c.mayWrite("delete", t.project, t.env, t.path); err != nil {
		return nil, err
	}
	parent, err := c.lookup(t.project, t.env, t.path)
	if err != nil {
		return nil, err
	}
	if parent.Folder == nil {
		return nil, web.NotFound("Secret path not found")
	}
	target := parent.Folder.ChildOf(c.params["id"])
	if target == nil {
		return nil, web.Fail(http.StatusNotFound, "Delete folder", "Folder not found")
	}
	if !force && len(target.Secrets)+len(target.Folders)+len(target.Imports) > 0 {
		return nil, web.BadRequest("Folder '%s' is not empty. Use forceDelete to delete it with all that it contains", target.Name)
	}
	if c.needsApproval(false) {
		return nil, web.Fail(http.StatusBadRequest, "DeleteFolderProtectedByPolicy", "Folder '%s' is protected by a change policy", target.Name)
	}
	parent.Folder.RemoveFolder(target)
	c.changed = true
	return map[string]any{"folder": c.folderJSON(parent.Env, parent.Folder, target)}, nil
}
