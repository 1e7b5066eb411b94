package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// scopeOptions say which part of the tree the mount shows.
type scopeOptions struct {
	project, env, path string
	useFile            bool
	file               *projectFile // whose project is shown, nil if none
}

// AddFlags declares the options' flags.
func (o *scopeOptions) AddFlags(f *pflag.FlagSet) {
	o.addPlace(f)
	f.BoolVar(&o.useFile, "project-file", true, "take what these leave open from .infisical.json, here or above")
}

// addPlace declares those that name a place on the server.
func (o *scopeOptions) addPlace(f *pflag.FlagSet) {
	f.StringVar(&o.project, "project", "", "show only this project: its `slug` or id")
	f.StringVar(&o.env, "env", "", "show only this environment of the project: its `slug`")
	f.StringVar(&o.path, "path", "", "show only this `folder` of the environment")
}

// complete fills in what was not given: from the environment, then from
// .infisical.json. A file that names another server than the one in use is
// refused: whoever wrote a repository must not choose who gets the credentials.
func (o *scopeOptions) complete(lookup func(string) (string, bool), server string) error {
	o.project = firstOf(lookup, o.project, borrowed["project"]...)
	o.env = firstOf(lookup, o.env, borrowed["env"]...)
	o.path = firstOf(lookup, o.path, borrowed["path"]...)
	if o.project == "" && o.useFile {
		if err := o.fromProjectFile(server); err != nil {
			return err
		}
	}
	switch {
	case o.env != "" && o.project == "":
		return configError("add --project", "an environment (%s) without a project", o.env)
	case o.path != "" && o.env == "" && o.path != "/":
		return configError("add --env", "a folder (%s) without an environment", o.path)
	}
	return nil
}

func (o *scopeOptions) fromProjectFile(server string) error {
	dir, err := os.Getwd()
	if err != nil {
		return nil // a working directory that is gone has no project file
	}
	f, err := findProjectFile(dir)
	if err != nil || f == nil || f.WorkspaceID == "" {
		return err
	}
	if f.Domain != "" && !sameServer(f.Domain, server) {
		return configError("if that is the server you want, name it with --url; else use --project, or --project-file=false",
			"%s is for the server %s, not for %s", f.Path, f.Domain, server)
	}
	o.file, o.project = f, f.WorkspaceID
	if o.env == "" {
		o.env = f.environment()
	}
	if o.path == "" && o.env != "" {
		o.path = f.DefaultSecretPath
	}
	return nil
}

// sameServer compares addresses as people write them: with or without scheme,
// /api, a slash at the end, the port that goes without saying.
func sameServer(a, b string) bool {
	strip := func(text string) string {
		text = strings.TrimSpace(text)
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil {
			return text // the same as itself only
		}
		host := strings.ToLower(u.Host)
		if u.Scheme == "https" {
			host = strings.TrimSuffix(host, ":443")
		}
		return u.Scheme + "://" + host + strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api")
	}
	return strip(a) == strip(b)
}

// projects are those that exist even if the server lists none.
func (o *scopeOptions) projects() []string {
	if o.project == "" {
		return nil
	}
	return []string{o.project}
}

// dir is the directory that is meant, which may have the project's id in the
// place of its slug.
func (o *scopeOptions) dir() secret.Dir {
	dir := secret.Dir{Project: o.project}
	if o.env != "" {
		dir.Env, dir.Path = o.env, path.Join("/", o.path)
	}
	return dir
}

// root asks the server which directory is meant.
func (o *scopeOptions) root(ctx context.Context, c *client.Client) (secret.Dir, error) {
	if o.project == "" {
		return secret.Dir{}, nil
	}
	slug, err := c.Project(ctx, o.project)
	switch {
	case errors.Is(err, client.ErrUnknownProject):
		return secret.Dir{}, &failure{err, "check --project: its id will do, a slug only with five characters or more; or name the organisation's id with --organization", exitcode.NotFound}
	case errors.Is(err, secret.ErrNotFound) && c.EmptyOrganization() != "":
		return secret.Dir{}, &failure{err, emptyOrganization(c.EmptyOrganization()) + "; check --organization and --project", exitcode.NotFound}
	case err != nil:
		return secret.Dir{}, err
	}
	dir := o.dir()
	dir.Project = slug
	return dir, nil
}

// emptyOrganization says that an organisation shows nothing.
func emptyOrganization(id string) string {
	return "the organisation " + id + " has no project for this identity, or there is no such organisation"
}

// from is the file that the project comes from, empty if it was named.
func (o *scopeOptions) from() string {
	if o.file == nil {
		return ""
	}
	return o.file.Path
}
