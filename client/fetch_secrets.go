package client

import (
	"context"
	"fmt"
	"time"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// Secrets asks for the secrets of one folder and not for its subfolders, in one request
// where [Client.Fetch] takes two: the answer has NoSubfolders. The project of dir may be
// named by its id. A list that is refused is [secret.ErrDenied].
func (c *Client) Secrets(ctx context.Context, dir secret.Dir) (*secret.Folder, error) {
	if !dir.IsFolder() {
		return nil, fmt.Errorf("%s is no folder: %w", dir, secret.ErrInvalid)
	}
	ctx, end := c.server.Begin(ctx)
	defer end()
	var f *secret.Folder
	err := c.inProject(ctx, dir.Project, func(id string) (err error) {
		f, err = c.fetchSecrets(ctx, location{dir: dir, projectID: id})
		return err
	})
	if err = transport.DeadlineError(ctx, "read "+dir.String(), err); err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	return f, nil
}

// fetchSecrets asks for a folder's own secrets. One that looks empty may not be seen, or not
// exist, which takes a request more to find out.
func (c *Client) fetchSecrets(ctx context.Context, at location) (*secret.Folder, error) {
	secrets, err := c.listSecrets(ctx, at, "")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	f := &secret.Folder{
		Dir: at.dir, Fetched: now, Answered: now, NoSubfolders: true,
		Secrets: secrets.list, Imports: secrets.imports, Revision: revision{secrets: secrets.etag}.String(),
	}
	if err := c.withhold(ctx, at, f, nil); err != nil {
		return nil, err
	}
	if f.Denied != nil {
		return nil, f.Denied
	}
	if len(f.Secrets) == 0 && at.dir.Path != "/" && c.server.Profile.Routes() == transport.Legacy {
		if err := c.proveFolder(ctx, at); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// completeSecrets adds the secrets to a snapshot that lacks them. Their list is the folder's own;
// the snapshot stays Partial for the folders in it, unless it is denied.
func (c *Client) completeSecrets(ctx context.Context, at location, known *secret.Folder) (*secret.Folder, error) {
	var denied error
	secrets, err := c.listSecrets(ctx, at, "")
	if err = exceptDenied(err, &denied); err != nil {
		return nil, err
	}
	f := known.With(func(f *secret.Folder) {
		f.Secrets, f.Imports, f.NoSecrets, f.Denied = secrets.list, secrets.imports, false, denied
	})
	if f.Denied == nil && !f.NeverHadSecrets {
		if err := c.withhold(ctx, at, f, nil); err != nil {
			return nil, err
		}
	}
	f.Partial = f.Denied == nil
	return f, nil
}
