package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/view"
	"infisicalfs/secret"
)

// variables are those of the folder that is mounted, as far as it is shown. A view
// is a promise about names and values: what it refuses is refused here. Behind
// that all views are the same, since a variable holds any value as it is.
func (o *runOptions) variables(ctx context.Context, c *client.Client, layout mount.Layout) ([]string, error) {
	v, err := findView(o.envFrom, view.Builtin(view.EnvLiteral)) // no reader looks at them
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "give --env-from one of these", "%w", err)
	}
	if err := c.Login(ctx); err != nil {
		return nil, err
	}
	root := o.mount.scope.Dir()
	if root.Env == "" {
		return nil, exitcode.Errorf(exitcode.Config, "add --project and --env, and --path for a folder below", "--env-from is about one folder, and %s is none", root)
	}
	folder, err := o.shown(ctx, c, layout)
	if err != nil {
		return nil, fmt.Errorf("--env-from: %w", err)
	}
	root = folder.Dir
	if _, err := v.Render(folder); err != nil {
		return nil, fmt.Errorf("--env-from: %w", renderError(root, err, ""))
	}
	return everyVariable(folder)
}

// shown is what the mount will show of its root. But for a flat layout, which shows what is below
// too, that takes one request, and the mount's own look at the root is spared.
func (o *runOptions) shown(ctx context.Context, c *client.Client, layout mount.Layout) (*secret.Folder, error) {
	if layout.Kind == "flat" {
		root, err := o.mount.scope.Root(ctx, c)
		if err != nil {
			return nil, err
		}
		shown, err := layout.Over(c, root)
		if err != nil {
			return nil, err
		}
		return shown.Folder(ctx, root, secret.NeedListing)
	}
	folder, err := o.mount.scope.Secrets(ctx, c)
	if err != nil {
		return nil, err
	}
	shown, err := layout.Over(only{folder}, folder.Dir)
	if err != nil {
		return nil, err
	}
	return shown.Folder(ctx, folder.Dir, secret.NeedListing)
}

// only is a source that has one folder.
type only struct{ folder *secret.Folder }

func (o only) Folder(context.Context, secret.Dir, secret.Need) (*secret.Folder, error) {
	return o.folder, nil
}

var variableName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// maxVariable is the longest NAME=VALUE that Linux hands to a program, which
// adds a NUL.
const maxVariable = 128<<10 - 1

// everyVariable makes a variable of every secret.
func everyVariable(f *secret.Folder) ([]string, error) {
	var list []string
	for _, s := range f.Secrets {
		const hint = "leave out --env-from and read it from $INFISICALFS_DIR, or keep it in another folder"
		text := s.Value.Reveal()
		switch {
		case !variableName.MatchString(s.Name):
			return nil, exitcode.Errorf(exitcode.Config, hint, "--env-from: the secret %q has no name that a variable can have", s.Name)
		case s.Garbled:
			return nil, fmt.Errorf("--env-from: %q: %w", s.Name, s.Unreadable())
		case s.Hidden:
			return nil, exitcode.Errorf(exitcode.Config, "give the identity the right to read it, or leave out --env-from", "--env-from: the value of %s may not be read: %s", s.Name, s.Reason)
		case strings.Contains(text, "\x00"):
			return nil, exitcode.Errorf(exitcode.Config, hint, "--env-from: the value of %s has a NUL, which no variable can have", s.Name)
		case len(s.Name)+1+len(text) > maxVariable:
			return nil, exitcode.Errorf(exitcode.Config, hint, "--env-from: the value of %s is longer than a variable can be", s.Name)
		}
		list = append(list, s.Name+"="+text)
	}
	return list, nil
}

// environmentWith returns env with variables in the place of those of the same
// names, and without those that have credentials. A variable that is added
// is somebody's wish, whatever its name.
func environmentWith(env, variables, credentials []string) []string {
	drop := map[string]bool{"INFISICALFS_DIR": true}
	for _, name := range credentials {
		drop[name] = true
	}
	added := variables[:0:0]
	for _, v := range variables {
		name, _, _ := strings.Cut(v, "=")
		drop[name] = true
		if name != "INFISICALFS_DIR" {
			added = append(added, v)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return drop[name]
	})
	return append(kept, added...)
}
