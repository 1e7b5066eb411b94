package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Annotate implements [secret.Writer]. Tags are slugs that the project must
// have; an empty list takes all tags away. The server trims comments.
func (c *Client) Annotate(ctx context.Context, dir secret.Dir, name string, comment *string, tags []string) (s secret.Secret, err error) {
	err = checkName(name)
	if comment != nil {
		err = errors.Join(err, checkText("comment", *comment))
	}
	if err != nil {
		return secret.Secret{}, err
	}
	err = c.write(ctx, dir, func(ctx context.Context, at location) error {
		s, err = c.annotate(ctx, at, name, comment, tags)
		return c.explain(ctx, at, name, err)
	})
	return s, err
}

func (c *Client) annotate(ctx context.Context, at location, name string, comment *string, tags []string) (secret.Secret, error) {
	ids, err := c.tagIDs(ctx, at, tags)
	if err != nil {
		return secret.Secret{}, err
	}
	now, err := c.stored(ctx, at, name)
	if err != nil || comment == nil && tags == nil {
		return now.Secret(), err
	}
	want := now.Secret()
	fields := map[string]any{}
	if comment != nil {
		want.Comment = secret.Trim(*comment)
		fields["secretComment"] = *comment
	}
	if tags != nil {
		want.Tags = tags
		fields["tagIds"] = ids
	}
	var answer secretAnswer
	var changed wire.Secret
	err = c.perform(ctx, change{
		request: func(routes transport.Routes) transport.Request {
			if routes == transport.Legacy || !fitsURL(name) { // these want the value in every change
				fields["secretValue"] = now.Text()
			}
			return secretRequest{at, http.MethodPatch, name, fields}.build(routes)
		},
		models: answer.models(),
		accept: func() error {
			changed = answer.secret()
			return isAbout(changed, name)
		},
		done: func(ctx context.Context) (_ bool, err error) {
			changed, err = c.stored(ctx, at, name)
			got := changed.Secret()
			return got.Comment == want.Comment && sameTags(got.Tags, want.Tags), err
		},
	})
	if err != nil {
		return secret.Secret{}, err
	}
	want.Version, want.Updated = changed.Version, changed.UpdatedAt
	return want, nil
}

// tagIDs translates slugs of tags, which people see, to ids, which routes want.
func (c *Client) tagIDs(ctx context.Context, at location, slugs []string) ([]string, error) {
	ids := []string{}
	if len(slugs) == 0 {
		return ids, nil
	}
	var known []wire.Tag
	err := c.server.WithRoutes(ctx, func(ctx context.Context, routes transport.Routes) error {
		r := transport.Request{Op: "list tags", Path: "/v1/projects/" + url.PathEscape(at.projectID) + "/tags", Class: "read"}
		if routes == transport.Legacy {
			r.Path, r.Class = "/v1/workspace/"+url.PathEscape(at.projectID)+"/tags", "v1/tags"
		}
		return c.server.Get(ctx, r, transport.Under("workspaceTags", &known), transport.Under("tags", &known))
	})
	if err != nil {
		return nil, err
	}
	for _, slug := range slugs {
		i := slices.IndexFunc(known, func(t wire.Tag) bool { return t.Slug == slug })
		if i < 0 {
			return nil, fmt.Errorf("the project %s has no tag %q, make it at the server first: %w", at.dir.Project, slug, secret.ErrInvalid)
		}
		ids = append(ids, known[i].ID)
	}
	return ids, nil
}

func sameTags(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
