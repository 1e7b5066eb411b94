package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Create implements [secret.Writer]. Two creates of one name at the same time
// can both succeed: servers do not keep names unique.
func (c *Client) Create(ctx context.Context, dir secret.Dir, name string, value secret.Value) (made secret.Secret, err error) {
	text := value.Reveal()
	if err := errors.Join(checkNewName(name), checkText("value", text)); err != nil {
		return secret.Secret{}, err
	}
	err = c.write(ctx, dir, func(ctx context.Context, at location) error {
		made, err = c.create(ctx, at, name, text, nil)
		return err
	})
	return made, err
}

// create makes a secret; more are fields beside its value. That the name is free
// is asked first, so that a secret found after a lost answer can be believed to
// be this one.
func (c *Client) create(ctx context.Context, at location, name, value string, more map[string]any) (secret.Secret, error) {
	taken, err := c.exists(ctx, at, name)
	if err != nil && !errors.Is(err, secret.ErrDenied) { // who may write need not be allowed to read
		return secret.Secret{}, err
	}
	fields := map[string]any{"secretValue": value}
	maps.Copy(fields, more)
	if !taken {
		var made secret.Secret
		made, err = c.writeValue(ctx, secretRequest{at, http.MethodPost, name, fields}, value)
		c.learnNames(name, err)
		if err == nil || !isBadRequest(err) {
			return made, err
		}
		taken, _ = c.exists(ctx, at, name) // unknown: the refusal stands as it is
	}
	if taken {
		err = fmt.Errorf("create secret: %s has a secret %q: %w", at.dir, name, secret.ErrExists)
	}
	return secret.Secret{}, err
}

// Update implements [secret.Writer]. The server's answer does not repeat
// comment, tags and metadata: the result has none.
func (c *Client) Update(ctx context.Context, dir secret.Dir, name string, value secret.Value) (s secret.Secret, err error) {
	text := value.Reveal()
	if err := errors.Join(checkName(name), checkText("value", text)); err != nil {
		return secret.Secret{}, err
	}
	err = c.write(ctx, dir, func(ctx context.Context, at location) error {
		fields := map[string]any{"secretValue": text}
		s, err = c.writeValue(ctx, secretRequest{at, http.MethodPatch, name, fields}, text)
		return c.explain(ctx, at, name, err)
	})
	return s, err
}

// writeValue sends a create or an update. The value in the answer is what was
// sent on some servers and what is stored on others, and masked for who may not
// read; the server's rule tells what it is.
func (c *Client) writeValue(ctx context.Context, w secretRequest, value string) (secret.Secret, error) {
	want := secret.StoredForm(value)
	var answer secretAnswer
	var found wire.Secret
	err := c.perform(ctx, change{
		request: w.build,
		models:  answer.models(),
		accept: func() error {
			found = answer.secret()
			return isAbout(found, w.name)
		},
		done: func(ctx context.Context) (_ bool, err error) {
			found, err = c.stored(ctx, w.at, w.name)
			if errors.Is(err, secret.ErrNotFound) {
				return false, nil
			}
			return found.Value != nil && *found.Value == want, err
		},
	})
	if err != nil {
		return secret.Secret{}, err
	}
	found.Value, found.Hidden = &want, nil
	return found.Secret(), nil
}

// Delete implements [secret.Writer]. All secrets of the name go, and everybody's
// personal overrides of them.
func (c *Client) Delete(ctx context.Context, dir secret.Dir, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return c.write(ctx, dir, func(ctx context.Context, at location) error {
		return c.explain(ctx, at, name, c.delete(ctx, at, name))
	})
}

func (c *Client) delete(ctx context.Context, at location, name string) error {
	var answer secretAnswer
	return c.perform(ctx, change{
		request: secretRequest{at, http.MethodDelete, name, nil}.build,
		models:  answer.models(),
		accept:  func() error { return isAbout(answer.secret(), name) },
		done: func(ctx context.Context) (bool, error) {
			there, err := c.exists(ctx, at, name)
			return !there, err
		},
	})
}

// explain looks closer at a refusal: what a rotation manages is protected.
func (c *Client) explain(ctx context.Context, at location, name string, err error) error {
	if isBadRequest(err) && errors.Is(err, secret.ErrInvalid) {
		if s, e := c.stored(ctx, at, name); e == nil && s.Rotated {
			return fmt.Errorf("%v: managed by a rotation: %w", err, secret.ErrProtected)
		}
	}
	return err
}

// secretRequest is a change of one secret.
type secretRequest struct {
	at     location
	method string
	name   string
	fields map[string]any // of the secret
}

// build makes the request for a set of routes: the secret's own route,
// or a batch of one.
func (w secretRequest) build(routes transport.Routes) transport.Request {
	op := map[string]string{http.MethodPost: "create", http.MethodPatch: "update", http.MethodDelete: "delete"}[w.method]
	r := transport.Request{Op: op + " secret", Method: w.method, Class: "secret"}
	if value, ok := w.fields["secretValue"].(string); ok {
		r.Secrets = []string{value}
	}
	body := bodyFor(w.at, routes)
	body["secretPath"] = w.at.dir.Path
	prefix, batch := "/v4/secrets", "/v4/secrets/batch"
	if routes == transport.Legacy {
		prefix, batch = "/v3/secrets/raw", "/v3/secrets/batch/raw"
	}
	if fitsURL(w.name) {
		r.Path = prefix + "/" + url.PathEscape(w.name)
		body["type"] = "shared"
		maps.Copy(body, w.fields)
	} else {
		r.Path = batch
		one := map[string]any{"secretKey": w.name}
		if w.method == http.MethodDelete {
			one["type"] = "shared"
		}
		maps.Copy(one, w.fields)
		body["secrets"] = []any{one}
		if routes == transport.Legacy { // until autumn 2024 batches knew a project by its slug only
			body["projectSlug"] = w.at.dir.Project
		}
	}
	if routes == transport.Legacy { // each method of a route has a budget of its own
		r.Class = w.method + " " + strings.TrimSuffix(r.Path, "/"+url.PathEscape(w.name))
	}
	r.Body = body
	return r
}

// bodyFor is what the bodies of all changes have in common.
func bodyFor(at location, routes transport.Routes) map[string]any {
	project := "projectId"
	if routes == transport.Legacy {
		project = "workspaceId"
	}
	return map[string]any{project: at.projectID, "environment": at.dir.Env}
}

// secretAnswer is the answer to a [secretRequest]; a batch has a list.
type secretAnswer struct {
	one  wire.Secret
	list []wire.Secret
}

func (a *secretAnswer) models() []transport.Shape {
	return []transport.Shape{transport.Under("secret", &a.one), transport.Under("secrets", &a.list)}
}

func (a *secretAnswer) secret() wire.Secret {
	if len(a.list) > 0 {
		return a.list[0]
	}
	return a.one
}

// isAbout checks that an answer is about the secret that was meant.
func isAbout(w wire.Secret, name string) error {
	if w.ID == "" || w.Key != name {
		return errOtherAnswer
	}
	return nil
}
