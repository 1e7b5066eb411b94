package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// maxDepth is how many levels below its start a recursive list reaches.
const maxDepth = 20

// tree asks for everything below dir. Of the two upper levels one request tells
// all. Below, a recursive answer is the truth only under conditions, and
// [secret.ErrInexact] says that they are not met: no imports (the answer does
// not tell into which folder they go), nothing refused, and no slash inside a
// folder's name. Folders that are too deep are left out.
func (c *Client) tree(ctx context.Context, dir secret.Dir, known []*secret.Folder) ([]*secret.Folder, error) {
	if !dir.IsFolder() {
		list, err := c.listProjects(ctx)
		if err != nil {
			return nil, err
		}
		return projectFolders(list, time.Now()), nil
	}
	var folders []*secret.Folder
	err := c.inProject(ctx, dir.Project, func(id string) (err error) {
		folders, err = c.treeAt(ctx, location{dir: dir, projectID: id}, known)
		return err
	})
	return folders, err
}

func (c *Client) treeAt(ctx context.Context, at location, known []*secret.Folder) ([]*secret.Folder, error) {
	if c.server.Profile.Routes() == transport.Legacy {
		return c.treeOfSecrets(ctx, at, known)
	}
	tags := treeRevision(known)
	folders, err := c.listFolders(ctx, at, true, tags.folders)
	if err != nil {
		return nil, inexactIfRefused(at, err)
	}
	var below *secretsBelow
	if folders.notModified {
		if below, err = c.secretsBelow(ctx, at, tags.secrets); err != nil {
			return nil, err
		}
		if below == nil {
			return renewed(known), nil
		}
		if folders, err = c.listFolders(ctx, at, true, ""); err != nil { // known may be a part of it
			return nil, inexactIfRefused(at, err)
		}
	}
	if len(folders.wire) == 0 { // a leaf: its own list says more for less
		secrets, err := c.listSecrets(ctx, at, "")
		if err != nil {
			return nil, err
		}
		now := time.Now()
		own := &secret.Folder{Dir: at.dir, Fetched: now, Answered: now, Secrets: secrets.list, Imports: secrets.imports, Revision: revision{secrets: secrets.etag}.String()}
		if err := c.withhold(ctx, at, own, nil); err != nil {
			return nil, err
		}
		return []*secret.Folder{own}, nil
	}
	if folders.wire[0].RelativePath == "" { // the server ignored "recursive"
		return c.treeOfSecrets(ctx, at, nil)
	}
	return c.treeOfFolders(ctx, at, folders, below)
}

// treeOfFolders builds the snapshots of all folders in a recursive list of them,
// and asks for their secrets unless that was done.
func (c *Client) treeOfFolders(ctx context.Context, at location, list foldersAnswer, below *secretsBelow) ([]*secret.Folder, error) {
	all, err := hierarchyOf(at, list.wire)
	if err != nil {
		return nil, err
	}
	if below == nil {
		if below, err = c.secretsBelow(ctx, at, ""); err != nil {
			return nil, err
		}
	}
	tags := ""
	if below.etag != "" && list.etag != "" && list.wire[0].TellsModified {
		tags = revision{secrets: below.etag, folders: list.etag}.String()
	}
	now := time.Now()
	folders := make([]*secret.Folder, 0, len(all.children))
	for _, p := range all.paths() {
		dir := secret.Dir{Project: at.dir.Project, Env: at.dir.Env, Path: p}
		folders = append(folders, &secret.Folder{
			Dir: dir, Fetched: now, Answered: now, Partial: true, NeverHadSecrets: all.never(p) && len(below.byPath[p]) == 0,
			Secrets: below.byPath[p], Folders: c.subfolders(dir, all.children[p]),
			Revision: tags,
		})
	}
	return folders, nil
}

// treeOfSecrets serves servers that list secrets recursively but not folders:
// the folders that hold secrets are known from them, their subfolders are not.
func (c *Client) treeOfSecrets(ctx context.Context, at location, known []*secret.Folder) ([]*secret.Folder, error) {
	below, err := c.secretsBelow(ctx, at, treeRevision(known).secrets)
	if err != nil {
		return nil, err
	}
	if below == nil {
		return renewed(known), nil
	}
	tags := ""
	if below.etag != "" {
		tags = revision{secrets: below.etag}.String()
	}
	now := time.Now()
	var folders []*secret.Folder
	for _, p := range slices.Sorted(maps.Keys(below.byPath)) {
		folders = append(folders, &secret.Folder{
			Dir:     secret.Dir{Project: at.dir.Project, Env: at.dir.Env, Path: p},
			Fetched: now, Answered: now, Partial: true, NoSubfolders: true,
			Secrets: below.byPath[p], Revision: tags,
		})
	}
	return folders, nil
}

// secretsBelow are all secrets below a place.
type secretsBelow struct {
	byPath map[string][]secret.Secret // by folder path, sorted, each name once
	etag   string                     // of the answer with the values
}

// secretsBelow asks for all secrets below a place. A recursive answer leaves out
// what may not be read without a word, so where the server hides values a second
// answer without values tells the names. It is nil if etag is given and the
// server says that what carries it is still right; only else are names asked for.
func (c *Client) secretsBelow(ctx context.Context, at location, etag string) (*secretsBelow, error) {
	var values, names *wire.SecretList
	var tag string
	askValues := func(ctx context.Context) (err error) {
		values, tag, err = c.querySecrets(ctx, at, listing{recursive: true, values: true, expand: !c.cfg.RawReferences, imports: true, etag: etag})
		return inexactIfRefused(at, err)
	}
	askNames := func(ctx context.Context) (err error) {
		names, _, err = c.querySecrets(ctx, at, listing{recursive: true})
		return inexactIfRefused(at, err)
	}
	if etag != "" {
		if err := askValues(ctx); err != nil || values == nil {
			return nil, err
		}
	}
	both, sub := errgroup.WithContext(ctx)
	if values == nil {
		both.Go(func() error { return askValues(sub) })
	}
	if c.server.Profile.Routes() != transport.Legacy {
		both.Go(func() error { return askNames(sub) })
	}
	if err := both.Wait(); err != nil {
		return nil, err
	}
	if err := inexactIfImports(at, values); err != nil {
		return nil, err
	}
	if names == nil && values.Masks {
		if err := askNames(ctx); err != nil {
			return nil, err
		}
	}
	if names != nil && hasMore(names, values) { // be it that it was made between the two answers
		first, firstTag := values, tag
		etag = tag
		if err := askValues(ctx); err != nil {
			return nil, err
		}
		if values == nil { // not modified
			values, tag = first, firstTag
		}
		if err := inexactIfImports(at, values); err != nil {
			return nil, err
		}
	}
	below := &secretsBelow{byPath: map[string][]secret.Secret{}, etag: tag}
	for p, list := range values.Own {
		if !tooDeep(at, p) {
			below.byPath[p] = c.pick(secret.Dir{Project: at.dir.Project, Env: at.dir.Env, Path: p}, list)
		}
	}
	if names != nil {
		for p, list := range names.Own { // the names that only this list has are of what may not be read
			if !tooDeep(at, p) {
				below.byPath[p] = addMissing(below.byPath[p], c.pick(secret.Dir{Project: at.dir.Project, Env: at.dir.Env, Path: p}, list))
			}
		}
	}
	return below, nil
}

// inexactIfImports: a bulk answer does not tell into which folder imports go.
func inexactIfImports(at location, values *wire.SecretList) error {
	if len(values.Imports) > 0 {
		return fmt.Errorf("%s: has imports: %w", at.dir, secret.ErrInexact)
	}
	return nil
}

// hasMore reports whether names has a secret that values lacks.
func hasMore(names, values *wire.SecretList) bool {
	for p, list := range names.Own {
		known := map[string]bool{}
		for _, s := range values.Own[p] {
			known[s.Name] = true
		}
		if slices.ContainsFunc(list, func(s secret.Secret) bool { return !known[s.Name] }) {
			return true
		}
	}
	return false
}

// inexactIfRefused: a bulk answer that is refused, or too large, says nothing
// about single folders.
func inexactIfRefused(at location, err error) error {
	if errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrTooLarge) {
		return fmt.Errorf("%s: there is no bulk answer: %w", at.dir, secret.ErrInexact)
	}
	return err
}

// tooDeep reports whether a recursive list from top on may not tell all about p.
func tooDeep(top location, p string) bool { return depthBelow(top.dir.Path, p) >= maxDepth }

// depthBelow counts the levels from root down to p.
func depthBelow(root, p string) int {
	return strings.Count(strings.TrimPrefix(p, strings.TrimSuffix(root, "/")), "/")
}

// slowTrees remembers for five minutes where a bulk answer did not come in
// time, so that the next caller asks for single folders instead.
type slowTrees struct {
	mu    sync.Mutex // guards until
	until map[secret.Dir]time.Time
}

func (s *slowTrees) add(dir secret.Dir) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[secret.Dir]time.Time{}
	}
	now := time.Now()
	maps.DeleteFunc(s.until, func(_ secret.Dir, until time.Time) bool { return now.After(until) })
	s.until[dir] = now.Add(5 * time.Minute)
}

func (s *slowTrees) has(dir secret.Dir) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until[dir])
}
