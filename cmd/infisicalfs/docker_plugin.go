package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infisicalfs/internal/dockerplugin"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
	"infisicalfs/internal/systemd"
	"infisicalfs/internal/volume"
)

type dockerPluginOptions struct {
	socket, base, state string
	debug               bool
	config              configOptions
	server              options.Server
	freshness           options.Freshness

	legacies map[string]*mount.Legacy // what an earlier process of the same unit has left
	received []systemd.Descriptor     // what else the service manager has handed over
}

func dockerPluginCommand() *cobra.Command {
	var o dockerPluginOptions
	cmd := &cobra.Command{
		Use:   "docker-plugin [flags]",
		Short: "Serve volumes to Docker, Swarm and Podman",
		Long: `Serves the volumes of all container engines of this machine, as a volume plugin of Docker and Podman and
as a secret provider of Swarm, until it is told to end. What is mounted then stays in place, and comes
back to life with the next start. As root:

  infisicalfs docker-plugin
  docker volume create -d infisicalfs -o project=shop -o env=prod shop
  docker run --rm -v shop:/run/secrets alpine ls /run/secrets

The options of a volume are called like flags of mount: project, env, path, layout, separator, names,
trim-newline, add-newline, include, exclude, uid, gid, mode, dir-mode, chmod, ttl, max-stale, notify, control.
Besides there are identity (a name in the configuration file), view (which of .env and the like there are,
or off) and write=true.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.legacies, o.received = mount.ReceiveLegacies(mount.ServiceManager{}, logging.Foreground(o.debug)) // first: whoever uses them waits
			defer o.giveUp()
			if err := o.config.settleName(cmd.Flags(), ""); err != nil {
				return err
			}
			err := untilEnd(cmd.Context(), o.run)
			if errors.Is(err, errInterrupted) {
				return nil // it runs until a signal, however early that comes
			}
			return err
		},
	}
	cmd.Flags().SortFlags = false
	o.AddFlags(cmd.Flags())
	return cmd
}

// AddFlags declares the options' flags.
func (o *dockerPluginOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.socket, "socket", "/run/docker/plugins/infisicalfs.sock", "`path` of the socket to listen at, unless the service manager hands one over")
	f.StringVar(&o.base, "base", "/run/infisicalfs/volumes", "`directory` for the mountpoints; it becomes a shared mount of its own")
	f.StringVar(&o.state, "state-dir", "/var/lib/infisicalfs", "`directory` for the list of volumes, which has no secrets")
	o.server.AddFlags(f)
	o.config.AddFlags(f)
	fresh := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.freshness.AddFlags(fresh)
	for _, name := range []string{"ttl", "max-stale", "soft-deadline", "watch", "watch-interval", "watch-for"} {
		f.AddFlag(fresh.Lookup(name))
	}
	f.BoolVar(&o.debug, "debug", false, "log each call of an engine, without values")
}

// run serves until ctx ends. SIGHUP has it read the configuration and the credentials again.
func (o *dockerPluginOptions) run(ctx context.Context, h *hangups) error {
	neverStopped()
	log := logging.Foreground(o.debug)
	whom, err := o.whom(log)
	if err != nil {
		return err
	}
	listener, err := dockerplugin.Listen(o.socket, o.received)
	if err != nil {
		return err
	}
	defer listener.Close()
	volumes, err := volume.Open(ctx, o.volumes(log))
	if err != nil {
		return err
	}
	defer volumes.Close() // leaves the mounts
	plugin := dockerplugin.New(dockerplugin.Config{Volumes: volumes, Log: log, Explain: explain})
	defer plugin.Close()
	server := &http.Server{Handler: plugin, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	volumes.Supervise()
	fmt.Fprintf(os.Stderr, "serving volumes at %s, %s\n", listener.Addr(), oneLine(whom))
	h.serving(ctx.Done(), false, func() {
		if err := volumes.Reload(ctx); err != nil {
			log.Error("the volumes go on with the credentials that they had", "error", explain(err))
			return
		}
		log.Info("the configuration and the credentials were read again")
	})
	select {
	case err = <-ended:
		return err
	case <-ctx.Done():
	}
	// Calls that are under way have an answer before the volumes end.
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(patience)
}

// volumes is how volumes are served, as far as the options say it.
func (o *dockerPluginOptions) volumes(log *slog.Logger) volume.Config {
	var point mount.Config
	o.freshness.Apply(&point)
	return volume.Config{BaseDir: o.base, StateDir: o.state, Login: o.login(log), Cache: point.Cache, Legacies: o.legacies, Version: version, Log: log}
}

// giveUp gives up what nobody goes on with.
func (o *dockerPluginOptions) giveUp() {
	for _, l := range o.legacies {
		l.GiveUp(errLegacyUnused)
	}
}

// login finds what to log in with, as an identity of the configuration file or, without
// a name, as that of the service.
func (o *dockerPluginOptions) login(log *slog.Logger) func(identity string) (volume.Login, error) {
	return func(identity string) (volume.Login, error) {
		server, lookup := &o.server, os.LookupEnv
		if identity != "" {
			files, err := o.config.load(os.LookupEnv)
			if err != nil {
				return volume.Login{}, err
			}
			section, ok := files.Identity(identity)
			if !ok {
				return volume.Login{}, exitcode.Errorf(exitcode.Config, choice("identities", files.Identities(), files), "no identity is called %q", identity)
			}
			if server, err = o.server.As(section); err != nil {
				return volume.Login{}, err
			}
			lookup = options.Unset
		}
		cfg, who, err := server.LoginAs(lookup, log)
		cfg.UserAgent = "infisicalfs/" + version
		return volume.Login{Config: cfg, Identity: who.Identity}, err
	}
}

// whom says who the service can log in as: for volumes that name no identity, and the names
// of the others. It may be without either, as long as nobody asks for it.
func (o *dockerPluginOptions) whom(log *slog.Logger) (string, error) {
	files, err := o.config.load(os.LookupEnv)
	if err != nil {
		return "", err
	}
	who := "without credentials of its own: each volume has to name an identity of the configuration file (identity=NAME)"
	_, found, err := o.server.LoginAs(os.LookupEnv, log)
	switch {
	case err == nil:
		who = "with credentials from " + found.String()
	case !errors.Is(err, options.ErrNoCredentials):
		return "", err
	}
	names := "none"
	if all := files.Identities(); len(all) > 0 {
		names = strings.Join(all, ", ")
	}
	return who + "; identities there: " + names, nil
}

// explain is an error and what to do about it, on one line.
func explain(err error) string {
	text := err.Error()
	if hint := hintFor(err); hint != "" {
		text += " (" + hint + ")"
	}
	return oneLine(text)
}
