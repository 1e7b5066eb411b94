package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Project returns the slug of the project that has this id or slug. One that
// the server does not list is [secret.ErrNotFound]; if the server lists none to
// this identity, what it says to a request for that one alone counts, which may be
// [ErrUnknownProject]. [ErrNoProjectList] says that a list could be had by the
// organisation's id.
func (c *Client) Project(ctx context.Context, idOrSlug string) (string, error) {
	ctx, end := c.server.Begin(ctx)
	defer end()
	p, err := c.project(ctx, idOrSlug)
	if isFailedLookup(err) {
		err = fmt.Errorf("the server finds no project %q (%w): %w", idOrSlug, err, ErrUnknownProject)
	}
	return p.Slug, transport.DeadlineError(ctx, "find project "+idOrSlug, err)
}

// isFailedLookup recognises an internal error that is named after the look-up, and
// the refusal of slugs that such a server does not look up: under five characters.
func isFailedLookup(err error) bool {
	var refusal *transport.APIError
	if !errors.As(err, &refusal) || refusal.Op != getProjectOp {
		return false
	}
	return refusal.Name == "ValidationFailure" ||
		refusal.Status == http.StatusInternalServerError && strings.HasPrefix(refusal.Name, "Failed to find project by ")
}

// project finds a project in the table, in the list, or alone.
func (c *Client) project(ctx context.Context, idOrSlug string) (wire.Project, error) {
	if p, ok := c.projects.get(idOrSlug); ok {
		return p, nil
	}
	return c.findProject(ctx, idOrSlug)
}

// findProject asks the server for a project. Many callers at once, each of whom
// misses one, share a list.
func (c *Client) findProject(ctx context.Context, idOrSlug string) (wire.Project, error) {
	lists := c.projects.lists()
	release, err := c.projects.acquire(ctx)
	if err != nil {
		return wire.Project{}, err
	}
	defer release()
	if c.projects.lists() == lists {
		if _, err := c.listProjects(ctx); errors.Is(err, secret.ErrDenied) {
			return c.getProject(ctx, idOrSlug)
		} else if err != nil {
			return wire.Project{}, err
		}
	}
	if p, ok := c.projects.get(idOrSlug); ok {
		return p, nil
	}
	return wire.Project{}, fmt.Errorf("the server lists no project %q for this identity: %w", idOrSlug, secret.ErrNotFound)
}

// inProject runs ask with the id of the project that has the slug. If the server
// refuses, the slug may belong to another project by now; that is looked into
// once a minute at most, because most refusals have nothing to do with it. What looks like
// an id, and is no slug that is known, is taken for one until the server refuses.
func (c *Client) inProject(ctx context.Context, slug string, ask func(projectID string) error) error {
	byID, err := c.namesByID(ctx, slug)
	if err != nil {
		return err
	}
	p := wire.Project{ID: slug}
	if !byID {
		if p, err = c.project(ctx, slug); err != nil {
			return err
		}
	}
	err = ask(p.ID)
	if !refused(err) || !byID && !c.projects.mayCheck() {
		return err
	}
	if now, e := c.findProject(ctx, slug); e == nil && now.ID != p.ID {
		return ask(now.ID)
	}
	return err
}

// namesByID reports whether requests may go to the project of this id without asking for
// projects first. A service token's scope has to be known before anything is asked.
func (c *Client) namesByID(ctx context.Context, slug string) (bool, error) {
	if _, known := c.projects.get(slug); known || !LooksLikeID(slug) {
		return false, nil
	}
	claims, err := c.server.Claims(ctx)
	return err == nil && !claims.Service, err
}

// refused reports whether the server says that there is no such thing, or not for this identity.
func refused(err error) bool {
	return errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied)
}

// currentProject asks the server about one project, by its id where that is
// known. It answers for the slug that was asked for, even if the project has got
// another since.
func (c *Client) currentProject(ctx context.Context, slug string) (p wire.Project, err error) {
	if _, known := c.projects.get(slug); known {
		err = c.inProject(ctx, slug, func(id string) (err error) {
			p, err = c.getProjectByID(ctx, id)
			return err
		})
	} else {
		p, err = c.project(ctx, slug)
	}
	p.Slug = slug
	return p, err
}

// projectFolders turns projects into the snapshots of the two upper levels: the
// root, and each project's environments.
func projectFolders(list []wire.Project, now time.Time) []*secret.Folder {
	root := &secret.Folder{Fetched: now, Answered: now}
	folders := []*secret.Folder{root}
	for _, p := range list {
		root.Folders = append(root.Folders, secret.Subfolder{Name: p.Slug, ID: p.ID, Updated: p.UpdatedAt})
		f := &secret.Folder{Dir: secret.Dir{Project: p.Slug}, Fetched: now, Answered: now}
		for _, e := range p.Environments {
			if reachable(e.Slug) {
				f.Folders = append(f.Folders, secret.Subfolder{Name: e.Slug, ID: e.ID})
			}
		}
		f.Sort()
		folders = append(folders, f)
	}
	root.Sort()
	return folders
}

// LooksLikeID tells a project's id (a UUID, on very old servers 24 hexadecimal digits)
// from a slug, which may have the same characters but hardly the same form.
func LooksLikeID(s string) bool {
	if strings.Trim(strings.ToLower(s), "0123456789abcdef-") != "" {
		return false
	}
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' ||
		len(s) == 24 && !strings.Contains(s, "-")
}
