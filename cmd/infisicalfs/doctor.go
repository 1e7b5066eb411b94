package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

func doctorCommand() *cobra.Command {
	var files configOptions
	var server options.Server
	var scope options.Scope
	cmd := &cobra.Command{
		Use:   "doctor [flags] [NAME]",
		Short: "Try each step of a mount and say what is wrong",
		Long: `Tries, one after the other, what a mount needs: the kernel's FUSE, credentials, the server, the login, the
project, reading. Takes the flags and variables that mount takes, or the NAME of a mount in the configuration
file. Changes nothing, shows no secret.`,
		Args:              atMostOne("name"),
		ValidArgsFunction: completeMountName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := files.settleName(cmd.Flags(), strings.Join(args, "")); err != nil {
				return err
			}
			return untilSignal(cmd.Context(), func(ctx context.Context) error {
				return examine(ctx, cmd.OutOrStdout(), &server, &scope)
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	scope.AddFlags(flags)
	files.AddFlags(flags)
	server.AddFlags(flags)
	return cmd
}

// examine prints a line for each step. FUSE may fail and the rest be tried all
// the same; of the others each needs the one before. The first failure is
// returned.
func examine(ctx context.Context, out io.Writer, server *options.Server, scope *options.Scope) error {
	var first error
	step := func(name string, try func() (string, error)) bool {
		detail, err := try()
		if err != nil {
			fmt.Fprintf(out, "FAIL  %-12s %s\n", name, oneLine(err.Error()))
			if first == nil {
				first = err
			}
			return false
		}
		fmt.Fprintf(out, "ok    %-12s %s\n", name, oneLine(detail))
		return true
	}

	var who options.Found
	var c *client.Client
	var root secret.Dir
	step("fuse", attach.Examine)
	_ = step("credentials", func() (detail string, err error) {
		who, err = server.Credentials(os.LookupEnv)
		return who.String(), err
	}) && step("address", func() (string, error) {
		cfg, err := clientConfig(server, nil)
		if err == nil {
			err = scope.Complete(os.LookupEnv, cfg.URL)
		}
		if err != nil {
			return "", err
		}
		cfg.Auth, cfg.Projects = who.Auth, scope.Projects()
		if c, err = options.NewClient(cfg); err != nil {
			return "", err
		}
		return c.Server(), nil
	}) && step("login", func() (string, error) {
		if err := c.Login(ctx); err != nil {
			return "", err
		}
		if c.Stats().Total == 0 { // nobody was asked
			return "not needed: a token is used as it is", nil
		}
		return "the server accepts the credentials", nil
	}) && step("project", func() (detail string, err error) {
		if root, err = scope.Root(ctx, c); err != nil {
			return "", err
		}
		detail = root.String()
		if from := scope.From(); from != "" {
			detail += ", named by " + from
		}
		return detail, nil
	}) && step("read", func() (string, error) {
		f, err := c.Folder(ctx, root, secret.NeedEntry)
		if err != nil {
			return "", err
		}
		detail := fmt.Sprintf("%d directories, %d secrets; routes: %s", len(f.Folders), len(f.Secrets), c.Stats().Routes)
		if id := c.EmptyOrganization(); id != "" {
			detail += "; " + options.EmptyOrganization(id)
		}
		return detail, nil
	})
	if c != nil {
		c.Close()
	}
	return first
}
