package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

type devOptions struct {
	listen, profile, seed, data, envFile string
	rateLimit                            bool
	scope                                options.Scope
	options.Look
}

func devCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev [flags] [MOUNTPOINT]",
		Short: "Run an Infisical with sample data, and mount it",
		Long: `Runs an Infisical server of its own with sample data until ^C, and with MOUNTPOINT also mounts it.
It is for trying things out and for tests: it checks who you are but protects nothing.

Other clients reach it with what --env-file writes:
  infisicalfs dev --env-file /tmp/dev.env
  set -a; . /tmp/dev.env; set +a; infisicalfs mount ~/secrets    # in a second terminal`,
		Args:              atMostOne("mountpoint"),
		ValidArgsFunction: completeDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			mountpoint := ""
			if len(args) == 1 {
				mountpoint = args[0]
			}
			err := untilSignal(cmd.Context(), func(ctx context.Context) error {
				return o.run(ctx, mountpoint, cmd.OutOrStdout())
			})
			if errors.Is(err, errInterrupted) {
				return nil // it runs until a signal, however early that comes
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 takes a free one")
	flags.StringVar(&o.profile, "profile", string(devserver.Current), "which servers to resemble: `"+strings.Join(profiles(), "|")+"`")
	flags.StringVar(&o.seed, "seed", "", "`file` with projects and secrets instead of the sample, JSON")
	flags.StringVar(&o.data, "data", "", "`file` that keeps everything across restarts; once it exists it wins over --seed")
	flags.StringVar(&o.envFile, "env-file", "", "`file` to write the variables to with which clients reach this server")
	flags.BoolVar(&o.rateLimit, "rate-limit", false, "limit requests as the real server does")
	o.scope.AddPlace(flags)
	o.Look.AddFlags(flags)
	// Fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions(profiles(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *devOptions) run(ctx context.Context, mountpoint string, out io.Writer) error {
	if mountpoint != "" {
		if err := attach.Check(mountpoint); err != nil {
			return err
		}
	}
	handler, err := o.handler()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return exitcode.Errorf(exitcode.Config, "--listen takes a free address of this machine, such as 127.0.0.1:8080", "%w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() { handler.Close(); server.Close(); <-served }()

	url := "http://" + reachable(listener.Addr())
	credentials := handler.Credentials("admin")
	if credentials.ClientID == "" {
		return exitcode.Errorf(exitcode.Config, "call one of its identities admin", "the seed has no identity that the server could be used with")
	}
	if o.envFile != "" {
		if err := writeEnvFile(o.envFile, url, credentials); err != nil {
			return err
		}
		defer os.Remove(o.envFile)
	}
	fmt.Fprintf(out, "Infisical (%s, for development) at %s\n", o.profile, url)
	switch {
	case mountpoint != "":
		return o.mount(ctx, url, credentials, mountpoint, out)
	case o.envFile != "":
		fmt.Fprintf(out, "to use it: set -a; . %s; set +a\n", o.envFile)
	default:
		fmt.Fprintln(out, "to log in, run it with --env-file FILE or with a mountpoint")
	}
	<-ctx.Done()
	return nil
}

// reachable is an address that clients on this machine can connect to.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip.Equal(net.IPv4zero) || ip.Equal(net.IPv6unspecified) {
		host = "127.0.0.1" // listening on :: takes IPv4 too
	}
	return net.JoinHostPort(host, port)
}

// profiles are the names that --profile takes.
func profiles() []string {
	var names []string
	for _, p := range devserver.Profiles() {
		names = append(names, string(p))
	}
	return names
}

func (o *devOptions) handler() (*devserver.Server, error) {
	cfg := devserver.Config{Profile: devserver.Profile(o.profile), DataFile: o.data}
	if !slices.Contains(devserver.Profiles(), cfg.Profile) {
		return nil, exitcode.Errorf(exitcode.Config, "use --profile with one of "+strings.Join(profiles(), ", "), "there is no profile %q", o.profile)
	}
	if o.rateLimit {
		cfg.RateLimit = devserver.DefaultRateLimit(cfg.Profile)
	}
	if o.seed != "" {
		file, err := os.Open(o.seed)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Config, "name a readable file", "--seed: cannot read %s: %w", o.seed, exitcode.PathError(err))
		}
		defer file.Close()
		if cfg.Seed, err = devserver.ReadSeed(file); err != nil {
			return nil, exitcode.Errorf(exitcode.Config, `begin with {"projects": [{"slug": "demo", "environments": [{"slug": "dev"}]}]}`, "--seed: %s: %w", o.seed, err)
		}
	}
	handler, err := devserver.New(cfg)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "look at the files that --seed and --data name", "%w", err)
	}
	return handler, nil
}

// mount mounts the server that runs in this process.
func (o *devOptions) mount(ctx context.Context, url string, credentials devserver.Credentials, mountpoint string, out io.Writer) error {
	none := func(string) (string, bool) { return "", false } // those are about another server
	if err := o.scope.Complete(none, url); err != nil {
		return err
	}
	log := logging.Foreground(o.Debug)
	cfg := client.Config{
		URL: url, Organization: credentials.OrganizationID, InsecureHTTP: true, Log: log, UserAgent: "infisicalfs/" + version,
		Auth: client.UniversalAuth(credentials.ClientID, secret.NewValue(credentials.ClientSecret)),
	}
	if err := o.Change.ApplyToClient(&cfg); err != nil {
		return err
	}
	c, err := options.NewClient(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	point, err := o.MountConfig(mountpoint, c, o.scope.Dir(), log)
	if err != nil {
		return err
	}
	return serveMount(ctx, c, o.scope, point, nil, func(*mount.Mount) error {
		fmt.Fprintf(out, "mounted on %s; ^C ends both\n", mountpoint)
		return nil
	})
}
