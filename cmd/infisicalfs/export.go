package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/options"
	"infisicalfs/internal/view"
	"infisicalfs/secret"
)

type exportOptions struct {
	config    configOptions
	server    options.Server
	scope     options.Scope
	templates options.Templates
	dialect   options.Dialect
	change    options.Change
}

func exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [flags] VIEW",
		Short: "Print all secrets of a folder, without mounting",
		Long: `Prints one of the files that each folder of a mount has besides its secrets:

  .env            for libraries called dotenv; --env-dialect says for which
  .env.expand     for dotenv-expand, Next.js, Vite and Bun, which expand dollar signs
  .env.compose    for env_file: of Compose, phpdotenv, Symfony and Ruby's dotenv, which take escapes
  .env.sh         for the command . of a shell, which exports the variables
  .env.docker     for --env-file of docker run and podman; Compose has one of its own, above
  .env.systemd    for EnvironmentFile= of systemd
  .secrets.json   .secrets.yaml   .secrets.toml
  NAME            of a --template FILE=NAME

Imported secrets are in it, folders below are not. If it cannot hold a value exactly, that is an error
which names the secret.`,
		Args:              oneArgument("view"),
		ValidArgsFunction: completeViews,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.config.settleName(cmd.Flags(), ""); err != nil {
				return err
			}
			return untilSignal(cmd.Context(), func(ctx context.Context) error {
				return o.run(ctx, cmd, args[0])
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.scope.AddFlags(flags)
	o.config.AddFlags(flags)
	o.server.AddFlags(flags)
	o.templates.AddFlags(flags)
	o.dialect.AddFlags(flags)
	o.addShown(flags)
	return cmd
}

// addShown declares those of the flags of [changeOptions] that are about reading.
func (o *exportOptions) addShown(f *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.change.AddFlags(all)
	f.AddFlag(all.Lookup("expand"))
	f.AddFlag(all.Lookup("personal"))
}

func (o *exportOptions) run(ctx context.Context, cmd *cobra.Command, name string) error {
	v, err := o.find(cmd, name)
	if err != nil {
		return err
	}
	folder, err := o.folder(ctx, o.templates.File(name) != "")
	if err != nil {
		return err
	}
	text, err := v.Render(folder)
	if err != nil {
		return renderError(folder.Dir, err, o.templates.File(name))
	}
	return print(cmd.OutOrStdout(), text)
}

// find returns the view of that name.
func (o *exportOptions) find(cmd *cobra.Command, name string) (*view.View, error) {
	templates, err := o.templates.Load()
	if err != nil {
		return nil, err
	}
	v, err := findView(name, slices.Concat(view.Builtin(o.dialect.Env), templates))
	if err != nil {
		return nil, usageError(cmd, err.Error())
	}
	return v, nil
}

// findView returns the view of that name. Its error says which there are.
func findView(name string, views []*view.View) (*view.View, error) {
	var names []string
	for _, v := range views {
		if v.Name() == name {
			return v, nil
		}
		names = append(names, v.Name())
	}
	return nil, fmt.Errorf("there is no view %q: use %s", name, strings.Join(names, ", "))
}

// folder asks the server for the folder that is meant. named: its Dir has the project's slug,
// which a template may print.
func (o *exportOptions) folder(ctx context.Context, named bool) (*secret.Folder, error) {
	cfg, err := clientConfig(&o.server, logging.Foreground(false))
	if err != nil {
		return nil, err
	}
	who, err := o.server.Credentials(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	who.Apply(&cfg)
	if err := o.scope.Complete(os.LookupEnv, cfg.URL); err != nil {
		return nil, err
	}
	if o.scope.Project == "" || o.scope.Env == "" {
		return nil, exitcode.Errorf(exitcode.Config, "add --project and --env, and --path for a folder", "a view is of one folder")
	}
	cfg.Projects = o.scope.Projects()
	if err := o.change.ApplyToClient(&cfg); err != nil {
		return nil, err
	}
	c, err := options.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Login(ctx); err != nil {
		return nil, err
	}
	if !named {
		return o.scope.Secrets(ctx, c)
	}
	root, err := o.scope.Root(ctx, c)
	if err != nil {
		return nil, err
	}
	return c.Secrets(ctx, root)
}

// renderError says what to do about a view that cannot be. One that is no
// template's file has an empty template.
func renderError(dir secret.Dir, err error, template string) error {
	hint := "choose a view that can hold it, such as .secrets.json, or change the secret"
	switch {
	case errors.Is(err, secret.ErrTooLarge):
		hint = "a view holds 16 MiB: mount the folder and read its secrets one by one"
	case !errors.Is(err, secret.ErrInvalid):
		hint = hintFor(err)
	case template != "":
		hint = "mend the template " + template + "; with {{if has \"KEY\"}} it can ask whether a folder has a secret"
	}
	return &exitcode.Error{Err: fmt.Errorf("%s: %w", dir, err), Hint: hint, Code: exitcode.Of(err)}
}

// print writes a text that is nobody else's business.
func print(out io.Writer, text secret.Value) error {
	buffer := make([]byte, 64<<10)
	defer clear(buffer)
	for off := int64(0); ; {
		n := text.CopyAt(buffer, off)
		if n == 0 {
			return nil
		}
		if _, err := out.Write(buffer[:n]); err != nil {
			return fmt.Errorf("cannot write: %w", exitcode.PathError(err))
		}
		off += int64(n)
	}
}

// completeViews offers the built-in views.
func completeViews(_ *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		for _, v := range view.Builtin("") {
			names = append(names, v.Name())
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
