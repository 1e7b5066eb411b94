package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

type mountOptions struct {
	config     configOptions
	server     options.Server
	scope      options.Scope
	foreground bool
	replace    bool
	logFile    string
	options.Look

	legacy *mount.Legacy // what an earlier process of the same unit has left

	// For reading all of it again.
	flags     *pflag.FlagSet
	named     string // the mount of the configuration file, if it is one
	reopenLog func() error

	firstIdentity string // of who logged in first, see options.Found

	inspect bool // nothing is mounted, so no credential is removed

	behind bool // in the background, where another process may serve instead
}

// errLegacyUnused is why a mount that was left is given up at the end of a process.
var errLegacyUnused = errors.New("the process that was to go on with it ends")

func mountCommand() *cobra.Command {
	var o mountOptions
	cmd := &cobra.Command{
		Use:   "mount [flags] MOUNTPOINT | NAME [MOUNTPOINT]",
		Short: "Mount all projects, one project, an environment or a folder",
		Long: `Mounts what the credentials reach on MOUNTPOINT, an existing directory, and returns when the mount
answers. A process in the background serves it until 'infisicalfs unmount MOUNTPOINT'.

With --project, --env and --path the mount shows only that part. In a directory with an .infisical.json,
its project, environment and path are the default.

NAME is a mount of the configuration file, with its flags and its mountpoint; flags and variables given here
win. An argument without a slash that is such a name is that mount, even if there is a directory so called:
that would be ./NAME. 'infisicalfs config check NAME' explains it.

MOUNTPOINT may be /dev/fd/N: a descriptor of /dev/fuse that whoever calls has mounted, as Apptainer
(--fusemount) and mount.fuse3 -o drop_privileges do. Owner and modes are then checked by infisicalfs, watchers
are told nothing, and nothing is unmounted at the end.`,
		Args:              mountArguments,
		ValidArgsFunction: completeMountArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.legacy = mount.ReceiveLegacy(logging.Foreground(o.Debug)) // first: whoever uses it waits
			defer o.legacy.GiveUp(errLegacyUnused)
			what, err := o.config.settle(cmd.Flags(), args)
			if err != nil {
				return err
			}
			o.flags, o.named = cmd.Flags(), what.mount.Name
			return o.run(cmd.Context(), what.mountpoint)
		},
	}
	cmd.Flags().SortFlags = false
	o.AddFlags(cmd.Flags())
	return cmd
}

// AddFlags declares the options' flags.
func (o *mountOptions) AddFlags(f *pflag.FlagSet) {
	o.addFlags(f)
	o.config.AddFlags(f)
	f.BoolVar(&o.replace, "replace", false, "go on with a mount that another process serves, such as an older version, unnoticed")
	f.BoolVarP(&o.foreground, "foreground", "f", false, "stay in the foreground; ^C unmounts")
}

// addFlags declares those that a mount for one command has too.
func (o *mountOptions) addFlags(f *pflag.FlagSet) {
	o.scope.AddFlags(f)
	o.server.AddFlags(f)
	o.Look.AddFlags(f)
	f.StringVar(&o.logFile, "log-file", "", "`file` to log to in the background (default: the system's log)")
}

// run mounts here and stays, or has a child do so.
func (o *mountOptions) run(ctx context.Context, mountpoint string) error {
	if o.foreground {
		o.reopenLog = func() error { return nil }
		return untilEnd(ctx, func(ctx context.Context, h *hangups) error {
			return o.serve(ctx, h, mountpoint, logging.Foreground(o.Debug), func(m *mount.Mount) error {
				m.Supervise()
				fmt.Fprintf(os.Stderr, "mounted on %s; ^C unmounts\n", mountpoint)
				return nil
			})
		})
	}
	if child := daemon.Background(); child != nil {
		return o.runBehind(ctx, child, mountpoint)
	}
	return untilSignal(ctx, func(ctx context.Context) error {
		return daemon.Daemonize(ctx, daemon.Descriptors(append(o.server.Paths(), mountpoint)...)...)
	})
}

// runBehind is run in the child. Until the mount is ready its errors are the
// parent's to print, later they go to the log.
func (o *mountOptions) runBehind(ctx context.Context, child *daemon.Child, mountpoint string) error {
	ready := false
	o.behind = true
	log, reopen, err := o.backgroundLog()
	if err == nil {
		o.reopenLog = reopen
		err = o.absolute()
	}
	if err == nil {
		err = untilEnd(ctx, func(ctx context.Context, h *hangups) error {
			ctx, cancel := child.Context(ctx)
			defer cancel()
			return o.serve(ctx, h, mountpoint, log, func(*mount.Mount) error { ready = true; return child.Ready() })
		})
	}
	switch {
	case err == nil:
		return nil
	case ready:
		log.Error("the mount has ended", "error", err)
	default:
		if log != nil { // at boot nobody reads what the parent prints
			log.Error("not mounted", "mountpoint", mountpoint, "error", err)
		}
		child.Failed(err, hintFor(err))
	}
	return fmt.Errorf("%w: %w", errTold, err)
}

// absolute makes the paths that are opened again later independent of the
// working directory, which the background process leaves.
func (o *mountOptions) absolute() error {
	for _, path := range append(o.server.Files(), &o.config.file) {
		if *path == "" || options.LooksLikeSecret(*path) {
			continue
		}
		full, err := filepath.Abs(*path)
		if err != nil {
			return exitcode.Errorf(exitcode.Config, "give an absolute path", "%w", err)
		}
		*path = full
	}
	return nil
}

// serve logs in, mounts, says so, and stays until ctx ends or somebody unmounts.
// Whatever fails before the mount leaves none behind.
func (o *mountOptions) serve(ctx context.Context, h *hangups, mountpoint string, log *slog.Logger, ready func(*mount.Mount) error) error {
	_, foreign := attach.Descriptor(mountpoint)
	check := func() error {
		if foreign || o.replace {
			return nil
		}
		return attach.Check(mountpoint)
	}
	if o.legacy == nil { // or nobody would answer
		if err := check(); err != nil {
			return err
		}
	}
	before := settingsOf(o.flags) // a project file changes them
	c, point, who, err := o.prepare(mountpoint, log)
	if err != nil {
		return err
	}
	defer c.Close()
	o.firstIdentity = who.Identity
	point.Hangup, point.Settings, point.Replace = h.status, o.fingerprint(c, who), o.replace
	legacy := o.legacy
	if legacy != nil && !legacy.Fits(point) {
		legacy = nil
		if err := check(); err != nil {
			return err
		}
	}
	if o.behind && !foreign {
		if pid := mount.TakeOver(ctx, mountpoint, point.Settings); pid != 0 {
			note("process %d, which still served an earlier mount of it for others, serves it here again", pid)
			return ready(nil)
		}
	}
	if from := o.scope.From(); from != "" {
		// Or somebody would wonder why a mount made here shows one folder.
		note("showing the project that %s names", from)
	}
	if legacy == nil {
		if err := c.CheckUses(ctx); err != nil && !(o.replace && isAway(err)) {
			return err
		}
	}
	return serveMount(ctx, c, o.scope, point, legacy, func(m *mount.Mount) error {
		noteAll(who.Warnings)
		if err := ready(m); err != nil {
			return err
		}
		h.serving(m.Done(), o.behind, func() { o.reload(ctx, before, c, m, log) })
		return nil
	})
}

// prepare turns the options into a client, which is the caller's to close, and
// into what to mount with it. It reads the credentials and asks no server.
func (o *mountOptions) prepare(mountpoint string, log *slog.Logger) (*client.Client, mount.Config, options.Found, error) {
	fail := func(err error) (*client.Client, mount.Config, options.Found, error) {
		return nil, mount.Config{}, options.Found{}, err
	}
	cfg, err := clientConfig(&o.server, log)
	if err != nil {
		return fail(err)
	}
	look := o.server.Credentials
	if o.inspect {
		look = o.server.InspectCredentials
	}
	who, err := look(os.LookupEnv)
	if err != nil {
		return fail(err)
	}
	who.Apply(&cfg)
	if err := o.scope.Complete(os.LookupEnv, cfg.URL); err != nil {
		return fail(err)
	}
	cfg.Projects = o.scope.Projects()
	if err := o.Change.ApplyToClient(&cfg); err != nil {
		return fail(err)
	}
	c, err := options.NewClient(cfg)
	if err != nil {
		return fail(err)
	}
	point, err := o.MountConfig(mountpoint, c, o.scope.Dir(), log)
	if err != nil {
		err = o.blame(err, c)
		c.Close()
		return fail(err)
	}
	return c, point, who, nil
}

// serveMount is the part of serve that a dev server's mount shares. It completes
// cfg. The mount is legacy, gone on with, unless that is nil or cannot be.
func serveMount(ctx context.Context, c *client.Client, scope options.Scope, cfg mount.Config, legacy *mount.Legacy, ready func(*mount.Mount) error) error {
	neverStopped()
	cfg.Upstream, cfg.Version = c, version
	cfg.Status = func() any { return c.Stats() }
	var m *mount.Mount
	var err error
	if legacy != nil {
		if m, err = mount.GoOn(cfg, legacy); err != nil {
			cfg.Log.Warn("a new mount is made", "error", err)
		}
	}
	if m == nil {
		if m, err = mountAnew(ctx, c, scope, cfg); err != nil {
			return err
		}
	}
	if err := ready(m); err != nil {
		m.Close()
		return err
	}
	select {
	case <-m.Done():
		return m.Wait()
	case <-ctx.Done():
		return m.Finish()
	}
}

// mountAnew logs in, asks the server what is meant, mounts that, and says what may not be
// what was meant.
func mountAnew(ctx context.Context, c *client.Client, scope options.Scope, cfg mount.Config) (*mount.Mount, error) {
	if err := c.Login(ctx); err != nil {
		if cfg.Replace && isAway(err) {
			cfg.Away = err // the process that serves the mount may know enough
			return mount.New(ctx, cfg)
		}
		return nil, err
	}
	root, err := scope.Root(ctx, c)
	if err != nil {
		return nil, err
	}
	user, err := c.IsUser(ctx)
	if err != nil {
		return nil, err
	}
	cfg.FS.PersonalReadOnly = user && cfg.FS.PersonalReadOnly
	cfg.Root = root
	m, err := mount.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if id := c.EmptyOrganization(); id != "" {
		note("%s", options.EmptyOrganization(id))
	}
	noteAll(m.Notes())
	return m, nil
}

// isAway reports whether an error says that the server cannot be reached.
func isAway(err error) bool {
	return errors.Is(err, secret.ErrUnavailable) || errors.Is(err, secret.ErrTimeout)
}

// backgroundLog is where a process without a terminal logs.
func (o *mountOptions) backgroundLog() (log *slog.Logger, reopen func() error, err error) {
	log, reopen, err = logging.Background(o.logFile, o.Debug)
	if err != nil {
		err = exitcode.Errorf(exitcode.Config, "name a file in a directory that exists and that you may write to", "--log-file: cannot write %s: %w", o.logFile, exitcode.PathError(err))
	}
	return log, reopen, err
}
