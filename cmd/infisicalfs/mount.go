package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
)

type mountOptions struct {
	server     serverOptions
	scope      scopeOptions
	view       viewOptions
	foreground bool
	logFile    string
}

func mountCommand() *cobra.Command {
	var o mountOptions
	cmd := &cobra.Command{
		Use:   "mount [flags] MOUNTPOINT",
		Short: "Mount projects, a project, an environment or a folder",
		Long: `Mounts what the credentials reach on MOUNTPOINT, an existing directory, and returns when the mount
answers; a process in the background serves it until 'infisicalfs unmount MOUNTPOINT'.

With --project, --env and --path the mount is rooted lower. In a directory with .infisical.json its project and
environment are the default.`,
		Args: oneArgument("mountpoint"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := bindEnvironment(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.scope.AddFlags(flags)
	o.server.AddFlags(flags)
	o.view.AddFlags(flags)
	flags.BoolVarP(&o.foreground, "foreground", "f", false, "stay in the foreground; ^C unmounts")
	flags.StringVar(&o.logFile, "log-file", "", "`file` to log to in the background (default: the system's log)")
	return cmd
}

// run mounts here and stays, or has a child do so.
func (o *mountOptions) run(ctx context.Context, mountpoint string) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if o.foreground {
		return o.serve(ctx, mountpoint, foregroundLog(o.view.debug), func() error { return nil })
	}
	child := mount.Background()
	if child == nil {
		if err := mount.Check(mountpoint); err != nil {
			return err
		}
		return mount.Daemonize(ctx, descriptors(o.server.tokenFile, o.server.clientSecretFile)...)
	}
	ctx, cancel := child.Context(ctx)
	defer cancel()
	log, err := backgroundLog(o.logFile, o.view.debug)
	if err == nil {
		err = o.absolute()
	}
	ready := false
	if err == nil {
		err = o.serve(ctx, mountpoint, log, func() error { ready = true; return child.Ready() })
	}
	if err == nil {
		return nil
	}
	if ready {
		log.Error("the mount has ended", "error", err)
		os.Exit(exitcode.Of(err)) // nobody is left to print to
	}
	child.Failed(err, hintFor(err))
	os.Exit(exitcode.Of(err))
	return nil
}

// absolute makes the paths that are opened again later independent of the
// working directory, which the background process leaves.
func (o *mountOptions) absolute() error {
	for _, path := range []*string{&o.server.tokenFile} {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = full
	}
	return nil
}

// serve logs in, mounts, says so, and stays until ctx ends or somebody unmounts.
// Whatever fails before the mount leaves none behind.
func (o *mountOptions) serve(ctx context.Context, mountpoint string, log *slog.Logger, ready func() error) error {
	if err := mount.Check(mountpoint); err != nil {
		return err
	}
	cfg, err := o.server.config(os.LookupEnv, log)
	if err != nil {
		return err
	}
	if cfg.Auth == nil {
		return errNoCredentials
	}
	if err := o.scope.complete(os.LookupEnv, cfg.URL); err != nil {
		return err
	}
	if o.scope.project != "" {
		cfg.Projects = []string{o.scope.project}
	}
	c, err := newClient(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	return serveMount(ctx, c, o.scope, o.view, mountpoint, log, ready)
}

// serveMount is the part of serve that a dev server's mount shares.
func serveMount(ctx context.Context, c *client.Client, scope scopeOptions, view viewOptions, mountpoint string, log *slog.Logger, ready func() error) error {
	if err := c.Login(ctx); err != nil {
		return err
	}
	root, err := scope.root(ctx, c)
	if err != nil {
		return err
	}
	if note := scope.note(); note != "" {
		log.Info(note)
	}
	cfg := mount.Config{
		Mountpoint: mountpoint, Root: root, Upstream: c, Log: log, Version: version,
		Status: func() any { return c.Stats() },
	}
	view.apply(&cfg)
	m, err := mount.New(ctx, cfg)
	if err != nil {
		return err
	}
	if err := ready(); err != nil {
		m.Close()
		return err
	}
	select {
	case <-m.Done():
		return m.Wait()
	case <-ctx.Done():
		return m.Close()
	}
}
