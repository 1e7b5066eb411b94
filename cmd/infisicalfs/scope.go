package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/secret"
)

// scopeOptions say which part of the tree the mount shows.
type scopeOptions struct {
	project, env, path string
	file               *projectFile // whose defaults were used, nil if none
}

// AddFlags declares the options' flags.
func (o *scopeOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.project, "project", "", "show only this project (slug or id)")
	f.StringVar(&o.env, "env", "", "show only this environment of the project (slug)")
	f.StringVar(&o.path, "path", "", "show only this `folder` of the environment")
}

// complete fills in what was not given: from the environment, then from
// .infisical.json. A file that names another server than the configured one is
// refused: whoever wrote a repository must not choose who gets the credentials.
func (o *scopeOptions) complete(lookup func(string) (string, bool), url string) error {
	o.project = firstOf(lookup, o.project, "INFISICAL_PROJECT_ID")
	o.env = firstOf(lookup, o.env, "INFISICAL_ENVIRONMENT")
	o.path = firstOf(lookup, o.path, "INFISICAL_SECRET_PATH")
	if o.project == "" {
		if err := o.fromProjectFile(url); err != nil {
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

func (o *scopeOptions) fromProjectFile(url string) error {
	dir, err := os.Getwd()
	if err != nil {
		return nil // a working directory that is gone has no project file
	}
	f, err := findProjectFile(dir)
	if err != nil || f == nil || f.WorkspaceID == "" {
		return err
	}
	if f.Domain != "" && !sameServer(f.Domain, url) {
		return configError("name the server yourself with --url, or the project with --project",
			"%s names the server %s, which is not the configured one", f.Path, f.Domain)
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

func sameServer(a, b string) bool {
	strip := func(s string) string {
		return strings.TrimSuffix(strings.TrimRight(strings.TrimSpace(s), "/"), "/api")
	}
	if b == "" {
		b = "https://app.infisical.com"
	}
	return strip(a) == strip(b)
}

// root asks the server which directory is meant.
func (o *scopeOptions) root(ctx context.Context, c *client.Client) (secret.Dir, error) {
	if o.project == "" {
		return secret.Dir{}, nil
	}
	slug, err := c.Project(ctx, o.project)
	if err != nil {
		return secret.Dir{}, err
	}
	dir := secret.Dir{Project: slug}
	if o.env != "" {
		dir.Env, dir.Path = o.env, path.Join("/", o.path)
	}
	return dir, nil
}

// note tells where the scope comes from when it was not given, so that nobody
// wonders why a mount in a repository shows one folder.
func (o *scopeOptions) note() string {
	if o.file == nil {
		return ""
	}
	return fmt.Sprintf("the project comes from %s", o.file.Path)
}
