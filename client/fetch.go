package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Fetch implements [secret.Upstream]: two requests for a folder (its secrets,
// its subfolders) side by side, one for a list of projects or environments.
// A known snapshot makes it conditional: its content is returned with the present time
// if the server says "not modified". A folder whose secrets or folders this identity may not
// list is no error but has [secret.Folder.Denied]; one of which it may list neither is.
func (c *Client) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	ctx, end := c.server.Begin(ctx)
	defer end()
	f, err := c.fetch(ctx, dir, known)
	return f, transport.DeadlineError(ctx, "read "+dir.String(), err)
}

func (c *Client) fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	if !dir.IsFolder() {
		return c.fetchUpper(ctx, dir)
	}
	var f *secret.Folder
	err := c.inProject(ctx, dir.Project, func(id string) (err error) {
		at := location{dir: dir, projectID: id}
		switch {
		case known != nil && known.NoSubfolders:
			f, err = c.completeSubfolders(ctx, at, known)
		case known != nil && known.NoSecrets:
			f, err = c.completeSecrets(ctx, at, known)
		default:
			f, err = c.fetchFolder(ctx, at, known)
		}
		return err
	})
	return f, err
}

// location is a folder with what routes want to know of it.
type location struct {
	dir       secret.Dir
	projectID string
}

// fetchUpper serves the levels above the folders.
func (c *Client) fetchUpper(ctx context.Context, dir secret.Dir) (*secret.Folder, error) {
	if dir.Project == "" {
		list, err := c.listProjects(ctx)
		if err != nil {
			return nil, err
		}
		return projectFolders(list, time.Now())[0], nil
	}
	p, err := c.currentProject(ctx, dir.Project)
	if err != nil {
		return nil, err
	}
	return projectFolders([]wire.Project{p}, time.Now())[1], nil
}

// revision is what the conditional requests of a folder need: the tag of each
// of its two answers.
type revision struct{ secrets, folders string }

func (r revision) String() string { return r.secrets + "\n" + r.folders }

func revisionOf(f *secret.Folder) revision {
	if f == nil || f.Partial { // what a bulk answer brought has the tags of that
		return revision{}
	}
	return parseRevision(f.Revision)
}

func parseRevision(text string) (r revision) {
	r.secrets, r.folders, _ = strings.Cut(text, "\n")
	return r
}

func (c *Client) fetchFolder(ctx context.Context, at location, known *secret.Folder) (*secret.Folder, error) {
	tags := revisionOf(known)
	var secrets secretsAnswer
	var folders foldersAnswer
	both, sub := errgroup.WithContext(ctx)
	var denied, foldersDenied error // one of the two leaves the other right
	both.Go(func() (err error) {
		secrets, err = c.listSecrets(sub, at, tags.secrets)
		return exceptDenied(err, &denied)
	})
	both.Go(func() (err error) {
		folders, err = c.listFolders(sub, at, false, tags.folders)
		return exceptDenied(err, &foldersDenied)
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	if denied != nil && foldersDenied != nil {
		return nil, denied
	}

	now := time.Now()
	f := &secret.Folder{
		Dir: at.dir, Fetched: now, Answered: now,
		Revision: revision{secrets.etag, folders.etag}.String(),
		Secrets:  secrets.list, Folders: folders.list,
		Denied: cmp.Or(denied, foldersDenied), Imports: secrets.imports,
	}
	if secrets.notModified { // what is to be asked for in full from time to time
		f.Secrets, f.Imports, f.Answered = known.Secrets, known.Imports, known.Answered
	}
	if folders.notModified {
		f.Folders = known.Folders
	}
	if f.Denied == nil && !(secrets.notModified && known.Denied == nil) {
		if err := c.withhold(ctx, at, f, known); err != nil {
			return nil, err
		}
	}
	if f.Denied == nil && len(f.Secrets) == 0 && len(f.Folders) == 0 && at.dir.Path != "/" && c.server.Profile.Routes() == transport.Legacy {
		// Old servers list a folder that does not exist as an empty one.
		if err := c.proveFolder(ctx, at); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// exceptDenied returns err, but for a refusal, which it puts into denied.
func exceptDenied(err error, denied *error) error {
	if errors.Is(err, secret.ErrDenied) {
		*denied, err = err, nil
	}
	return err
}

// proveFolder asks the parent whether a folder exists.
func (c *Client) proveFolder(ctx context.Context, at location) error {
	parent := location{dir: at.dir.Parent(), projectID: at.projectID}
	answer, err := c.listFolders(ctx, parent, false, "")
	if err != nil {
		return err
	}
	f := secret.Folder{Folders: answer.list}
	if _, ok := f.Subfolder(at.dir.Name()); !ok {
		return fmt.Errorf("folder %s: its parent does not list it: %w", at.dir, secret.ErrNotFound)
	}
	return nil
}

// completeSubfolders adds the list of subfolders to a snapshot that lacks it.
func (c *Client) completeSubfolders(ctx context.Context, at location, known *secret.Folder) (*secret.Folder, error) {
	answer, err := c.listFolders(ctx, at, false, "")
	if err != nil {
		return nil, err
	}
	return known.With(func(f *secret.Folder) { f.Folders, f.NoSubfolders = answer.list, false }), nil
}

// Tree implements [secret.Upstream]; see tree.go for what makes an answer exact. It
// fails with [secret.ErrInexact] where it is not, and for a while after one has taken
// too long.
func (c *Client) Tree(ctx context.Context, dir secret.Dir, known []*secret.Folder) ([]*secret.Folder, error) {
	if dir.IsFolder() && c.slow.has(dir) {
		return nil, fmt.Errorf("%s: the bulk answer took too long before: %w", dir, secret.ErrInexact)
	}
	ctx, end := c.server.Begin(ctx)
	defer end()
	folders, err := c.tree(ctx, dir, known)
	err = transport.DeadlineError(ctx, "read all of "+dir.String(), err)
	if dir.IsFolder() && errors.Is(err, secret.ErrTimeout) {
		c.slow.add(dir)
	}
	return folders, err
}

// Crowded implements [secret.Upstream]: it compares what the server's answers
// say is left of the rate limit with the number of requests that were sent.
func (c *Client) Crowded() bool { return c.server.Crowded() }
