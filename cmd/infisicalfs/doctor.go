package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/secret"
)

var errNoCredentials = &failure{
	errors.New("no credentials"),
	"set INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET, or use --token-file, or --client-id with --client-secret-file",
	exitcode.Login,
}

func doctorCommand() *cobra.Command {
	var server serverOptions
	var scope scopeOptions
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Try each step of a mount and say what is wrong",
		Long: `Tries, one after the other, what a mount needs: the kernel's FUSE, credentials, the server, the login, the list of
projects. Takes the flags and variables that mount takes, changes nothing, shows no secret.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := bindEnvironment(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return examine(ctx, cmd.OutOrStdout(), &server, &scope)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	scope.AddFlags(flags)
	server.AddFlags(flags)
	return cmd
}

// examine prints a line for each step. FUSE may fail and the rest be tried all
// the same; of the others each needs the one before. The first failure is
// returned.
func examine(ctx context.Context, out io.Writer, server *serverOptions, scope *scopeOptions) error {
	var first error
	step := func(name string, try func() (string, error)) bool {
		detail, err := try()
		if err != nil {
			fmt.Fprintf(out, "FAIL  %-12s %s\n", name, err)
			if first == nil {
				first = err
			}
			return false
		}
		fmt.Fprintf(out, "ok    %-12s %s\n", name, detail)
		return true
	}

	var c *client.Client
	var root secret.Dir
	step("fuse", mount.Examine)
	_ = step("credentials", func() (string, error) {
		f, err := server.credentials(os.LookupEnv)
		if err == nil && f.auth == nil {
			err = errNoCredentials
		}
		return f.String(), err
	}) && step("address", func() (string, error) {
		cfg, err := server.config(os.LookupEnv, nil)
		if err == nil {
			err = scope.complete(os.LookupEnv, cfg.URL)
		}
		if err != nil {
			return "", err
		}
		if scope.project != "" {
			cfg.Projects = []string{scope.project}
		}
		if c, err = newClient(cfg); err != nil {
			return "", err
		}
		return c.Server(), nil
	}) && step("login", func() (string, error) {
		return "the server accepts the credentials", c.Login(ctx)
	}) && step("root", func() (string, error) {
		var err error
		root, err = scope.root(ctx, c)
		return root.String(), err
	}) && step("read", func() (string, error) {
		f, err := c.Folder(ctx, root, secret.NeedEntry)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d directories, %d secrets; routes: %s", len(f.Folders), len(f.Secrets), c.Stats().Routes), nil
	})
	if c != nil {
		c.Close()
	}
	return first
}
