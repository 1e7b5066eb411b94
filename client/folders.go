package client

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// foldersAnswer is one answer to "list folders".
type foldersAnswer struct {
	list        []secret.Subfolder // sorted, without names that cannot be reached
	wire        []wire.Folder      // as sent; for recursive lists
	etag        string
	notModified bool
}

// listFolders asks for the folders in a location, or for all below it. Servers
// that cannot do the latter answer with one level, whose entries lack
// relativePath.
func (c *Client) listFolders(ctx context.Context, at location, recursive bool, etag string) (foldersAnswer, error) {
	var a foldersAnswer
	var garbled bool
	err := c.server.WithRoutes(ctx, func(ctx context.Context, routes transport.Routes) error {
		r := transport.Request{Op: "list folders", Method: "GET", Path: "/v2/folders", Class: "read", ETag: etag, Query: url.Values{
			"projectId": {at.projectID}, "environment": {at.dir.Env}, "path": {at.dir.Path}, "recursive": {strconv.FormatBool(recursive)},
		}}
		if routes == transport.Legacy {
			r.Path, r.Class = "/v1/folders", "v1/folders"
			r.Query.Del("projectId")
			r.Query.Set("workspaceId", at.projectID)
		}
		r.Decode = func(s *jsonstream.Scanner, h *jsonstream.Reservation) {
			a.wire, garbled = wire.ReadFolders(s, h, c.cfg.MaxSecrets)
		}
		answer, err := c.server.Do(ctx, r)
		if err != nil {
			return err
		}
		if answer.NotModified() {
			a = foldersAnswer{etag: etag, notModified: true}
			return nil
		}
		if a.etag = answer.ETag(); garbled {
			a.etag = "" // it is asked for in full until it is whole
		}
		return answer.Decoded()
	})
	if err != nil {
		return foldersAnswer{}, err
	}
	if !recursive {
		a.list = c.subfolders(at.dir, a.wire)
	}
	return a, nil
}

// subfolders turns the folders directly in dir into a snapshot's list. Two
// folders of one name, which servers allow by accident, are one directory.
func (c *Client) subfolders(dir secret.Dir, sent []wire.Folder) []secret.Subfolder {
	byName := map[string]secret.Subfolder{}
	for _, w := range sent {
		switch {
		case w.IsReserved:
			continue
		case !reachable(w.Name):
			c.log.Warn("a folder's name cannot be used in a path; it is left out", "in", dir.String(), "folder", strconv.Quote(w.Name))
			continue
		}
		if old, ok := byName[w.Name]; ok && !w.UpdatedAt.After(old.Updated) {
			continue
		}
		byName[w.Name] = secret.Subfolder{Name: w.Name, ID: w.ID, Updated: w.UpdatedAt}
	}
	f := secret.Folder{Folders: make([]secret.Subfolder, 0, len(byName))}
	for _, s := range byName {
		f.Folders = append(f.Folders, s)
	}
	f.Sort()
	return f.Folders
}

// reachable reports whether the API can address a folder of this name: old
// servers let a rename put anything there, but paths are split at slashes, and
// what is not UTF-8 does not arrive as it was sent.
func reachable(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.Contains(name, "/") && utf8.ValidString(name)
}
