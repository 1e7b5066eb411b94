package options

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

// Scope says which part of the tree the mount shows.
type Scope struct {
	Project, Env, Path string
	useFile            bool
	file               *projectFile // whose project is shown, nil if none
	byID               bool         // the server has answered for the project, by its id
}

// AddFlags declares the options' flags.
func (o *Scope) AddFlags(f *pflag.FlagSet) {
	o.AddPlace(f)
	f.BoolVar(&o.useFile, "project-file", true, "take what these leave open from .infisical.json, here or above")
}

// AddPlace declares those that name a place on the server.
func (o *Scope) AddPlace(f *pflag.FlagSet) {
	f.StringVar(&o.Project, "project", "", "show only this project: its `slug` or id")
	f.StringVar(&o.Env, "env", "", "show only this environment of the project: its `slug`")
	f.StringVar(&o.Path, "path", "", "show only this `folder` of the environment")
}

// Complete fills in what was not given: from the environment, then from
// .infisical.json. A file that names another server than the one in use is
// refused: whoever wrote a repository must not choose who gets the credentials.
func (o *Scope) Complete(lookup func(string) (string, bool), server string) error {
	o.Project = FirstOf(lookup, o.Project, Borrowed["project"]...)
	o.Env = FirstOf(lookup, o.Env, Borrowed["env"]...)
	o.Path = FirstOf(lookup, o.Path, Borrowed["path"]...)
	if o.Project == "" && o.useFile {
		if err := o.fromProjectFile(server); err != nil {
			return err
		}
	}
	switch {
	case o.Env != "" && o.Project == "":
		return exitcode.Errorf(exitcode.Config, "add --project", "an environment (%s) without a project", o.Env)
	case o.Path != "" && o.Env == "" && o.Path != "/":
		return exitcode.Errorf(exitcode.Config, "add --env", "a folder (%s) without an environment", o.Path)
	}
	return nil
}

func (o *Scope) fromProjectFile(server string) error {
	dir, err := os.Getwd()
	if err != nil {
		return nil // a working directory that is gone has no project file
	}
	f, err := findProjectFile(dir)
	if err != nil || f == nil || f.WorkspaceID == "" {
		return err
	}
	if f.Domain != "" && !sameServer(f.Domain, server) {
		return exitcode.Errorf(exitcode.Config, "if that is the server you want, name it with --url; else use --project, or --project-file=false",
			"%s is for the server %s, not for %s", f.Path, f.Domain, server)
	}
	o.file, o.Project = f, f.WorkspaceID
	if o.Env == "" {
		o.Env = f.environment()
	}
	if o.Path == "" && o.Env != "" {
		o.Path = f.DefaultSecretPath
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

// Projects are those that exist even if the server lists none.
func (o *Scope) Projects() []string {
	if o.Project == "" {
		return nil
	}
	return []string{o.Project}
}

// Dir is the directory that is meant, which may have the project's id in the
// place of its slug.
func (o *Scope) Dir() secret.Dir {
	dir := secret.Dir{Project: o.Project}
	if o.Env != "" {
		dir.Env, dir.Path = o.Env, path.Join("/", o.Path)
	}
	return dir
}

// Secrets reads the secrets of the folder that is meant, and not its subfolders. A project
// that is named by its id is not looked for: it is one request, and the folder's Dir has the
// id, as that of [Scope.Root] has from then on.
func (o *Scope) Secrets(ctx context.Context, c *client.Client) (*secret.Folder, error) {
	if client.LooksLikeID(o.Project) {
		f, err := c.Secrets(ctx, o.Dir())
		if !errors.Is(err, secret.ErrNotFound) && !errors.Is(err, secret.ErrDenied) {
			o.byID = err == nil
			return f, err
		}
	}
	root, err := o.Root(ctx, c) // which says what is wrong with the project
	if err != nil {
		return nil, err
	}
	return c.Secrets(ctx, root)
}

// Root asks the server which directory is meant.
func (o *Scope) Root(ctx context.Context, c *client.Client) (secret.Dir, error) {
	switch {
	case o.Project == "":
		return secret.Dir{}, nil
	case o.byID:
		return o.Dir(), nil
	}
	slug, err := c.Project(ctx, o.Project)
	switch {
	case errors.Is(err, client.ErrUnknownProject):
		return secret.Dir{}, &exitcode.Error{Err: err, Hint: "check --project: its id will do, a slug only with five characters or more; or name the organisation's id with --organization", Code: exitcode.NotFound}
	case errors.Is(err, secret.ErrNotFound) && c.EmptyOrganization() != "":
		return secret.Dir{}, &exitcode.Error{Err: err, Hint: EmptyOrganization(c.EmptyOrganization()) + "; check --organization and --project", Code: exitcode.NotFound}
	case err != nil:
		return secret.Dir{}, err
	}
	dir := o.Dir()
	dir.Project = slug
	return dir, nil
}

// EmptyOrganization says that an organisation shows nothing.
func EmptyOrganization(id string) string {
	return "the organisation " + id + " has no project for this identity, or there is no such organisation"
}

// From is the file that the project comes From, empty if it was named.
func (o *Scope) From() string {
	if o.file == nil {
		return ""
	}
	return o.file.Path
}
