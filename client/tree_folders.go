package client

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// hierarchy is what a recursive list of folders tells.
type hierarchy struct {
	children map[string][]wire.Folder // by path; the top and what has none are in it too
	once     map[string]bool          // the folder may have had secrets, by path
}

// hierarchyOf sorts a recursive list by where its folders are. It is [secret.ErrInexact] if
// the list does not tell that.
func hierarchyOf(at location, list []wire.Folder) (h hierarchy, err error) {
	h = hierarchy{map[string][]wire.Folder{at.dir.Path: nil}, map[string]bool{}}
	for _, w := range list {
		if w.IsReserved {
			continue
		}
		if path.Base(w.RelativePath) != w.Name {
			return h, fmt.Errorf("%s: a folder has a slash in its name: %w", at.dir, secret.ErrInexact)
		}
		parent := path.Dir(w.RelativePath)
		if tooDeep(at, parent) {
			continue
		}
		h.children[parent] = append(h.children[parent], w)
		h.once[w.RelativePath] = h.once[w.RelativePath] || !w.NeverModified
		if _, ok := h.children[w.RelativePath]; !ok && !tooDeep(at, w.RelativePath) {
			h.children[w.RelativePath] = nil
		}
	}
	return h, nil
}

func (h hierarchy) paths() []string { return slices.Sorted(maps.Keys(h.children)) }

// never reports whether the server says of a folder that no secret was ever in it.
func (h hierarchy) never(p string) bool {
	maybe, listed := h.once[p]
	return listed && !maybe
}

// Folders implements [secret.Upstream]. Servers of 2024 list no folders recursively.
func (c *Client) Folders(ctx context.Context, dir secret.Dir) (folders []*secret.Folder, err error) {
	if !dir.IsFolder() {
		return nil, fmt.Errorf("%s is no folder: %w", dir, secret.ErrInexact)
	}
	ctx, end := c.server.Begin(ctx)
	defer end()
	err = c.inProject(ctx, dir.Project, func(id string) (err error) {
		folders, err = c.foldersBelow(ctx, location{dir: dir, projectID: id})
		return err
	})
	return folders, transport.DeadlineError(ctx, "list the folders of "+dir.String(), err)
}

func (c *Client) foldersBelow(ctx context.Context, at location) ([]*secret.Folder, error) {
	if c.server.Profile.Routes() == transport.Legacy || c.scope.Load() != nil {
		return nil, fmt.Errorf("%s: the server lists one level of folders: %w", at.dir, secret.ErrInexact)
	}
	list, err := c.listFolders(ctx, at, true, "")
	if err != nil {
		return nil, inexactIfRefused(at, err)
	}
	if len(list.wire) > 0 && list.wire[0].RelativePath == "" {
		return nil, fmt.Errorf("%s: the server lists one level of folders: %w", at.dir, secret.ErrInexact)
	}
	all, err := hierarchyOf(at, list.wire)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var folders []*secret.Folder
	for _, p := range all.paths() {
		dir := secret.Dir{Project: at.dir.Project, Env: at.dir.Env, Path: p}
		folders = append(folders, &secret.Folder{
			Dir: dir, Fetched: now, Answered: now, Partial: true, NoSecrets: true, NeverHadSecrets: all.never(p),
			Folders: c.subfolders(dir, all.children[p]),
		})
	}
	return folders, nil
}
