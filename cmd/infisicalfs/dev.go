package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/mount"
	"infisicalfs/secret"
)

type devOptions struct {
	listen, profile, seed, data, envFile string
	rateLimit                            bool
	view                                 viewOptions
}

func devCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev [flags] [MOUNTPOINT]",
		Short: "Run an Infisical with sample data, and mount it",
		Long: `Runs an Infisical server of its own with sample data until ^C, and with MOUNTPOINT also mounts it.
It is for trying things out and for tests: it checks who you are but protects nothing.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return oneArgument("mountpoint")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := bindEnvironment(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			mountpoint := ""
			if len(args) == 1 {
				mountpoint = args[0]
			}
			return o.run(cmd.Context(), mountpoint, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 takes a free one")
	flags.StringVar(&o.profile, "profile", string(devserver.Current), "which server to resemble: current or 2024")
	flags.StringVar(&o.seed, "seed", "", "`file` with projects and secrets instead of the sample, JSON")
	flags.StringVar(&o.data, "data", "", "`file` that keeps what changes, across restarts")
	flags.StringVar(&o.envFile, "env-file", "", "`file` to write the variables to with which clients reach this server")
	flags.BoolVar(&o.rateLimit, "rate-limit", false, "limit requests as the real server does")
	o.view.AddFlags(flags)
	return cmd
}

func (o *devOptions) run(ctx context.Context, mountpoint string, out io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if mountpoint != "" {
		if err := mount.Check(mountpoint); err != nil {
			return err
		}
	}
	handler, err := o.handler()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return configError("--listen takes an address like 127.0.0.1:8080", "cannot listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() { handler.Close(); server.Close(); <-served }()

	url := "http://" + listener.Addr().String()
	credentials := handler.Credentials("admin")
	if o.envFile != "" {
		if err := writeEnvFile(o.envFile, url, credentials); err != nil {
			return err
		}
		defer os.Remove(o.envFile)
	}
	fmt.Fprintf(out, "Infisical (%s, for development) at %s\n", o.profile, url)
	if mountpoint == "" {
		<-ctx.Done()
		return nil
	}
	return o.mount(ctx, url, credentials, mountpoint, out)
}

func (o *devOptions) handler() (*devserver.Server, error) {
	cfg := devserver.Config{Profile: devserver.Profile(o.profile), DataFile: o.data}
	if cfg.Profile != devserver.Current && cfg.Profile != devserver.Y2024 {
		return nil, configError("use --profile current or --profile 2024", "there is no profile %q", o.profile)
	}
	if o.rateLimit {
		cfg.RateLimit = devserver.DefaultRateLimit(cfg.Profile)
	}
	if o.seed != "" {
		text, err := os.ReadFile(o.seed)
		if err != nil {
			return nil, configError("", "--seed: cannot read %s: %w", o.seed, pathError(err))
		}
		cfg.Seed = &devserver.Seed{}
		if err := json.Unmarshal(text, cfg.Seed); err != nil {
			return nil, configError("", "--seed: %s is not what is expected: %w", o.seed, err)
		}
	}
	handler, err := devserver.New(cfg)
	if err != nil {
		return nil, configError("", "%w", err)
	}
	return handler, nil
}

// mount mounts the server that runs in this process.
func (o *devOptions) mount(ctx context.Context, url string, credentials devserver.Credentials, mountpoint string, out io.Writer) error {
	log := foregroundLog(o.view.debug)
	c, err := newClient(client.Config{
		URL: url, Organization: credentials.OrganizationID, InsecureHTTP: true, Log: log, UserAgent: "infisicalfs/" + version,
		Auth: client.UniversalAuth(credentials.ClientID, secret.NewValue(credentials.ClientSecret)),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	return serveMount(ctx, c, scopeOptions{}, o.view, mountpoint, log, func() error {
		fmt.Fprintf(out, "mounted on %s; ^C ends both\n", mountpoint)
		return nil
	})
}

// writeEnvFile writes what a client needs, readable by its owner only.
func writeEnvFile(file, url string, c devserver.Credentials) error {
	text := fmt.Sprintf("INFISICAL_API_URL=%s\nINFISICAL_UNIVERSAL_AUTH_CLIENT_ID=%s\nINFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=%s\nINFISICAL_ORGANIZATION_ID=%s\n",
		url, c.ClientID, c.ClientSecret, c.OrganizationID)
	if _, err := os.Stat(filepath.Dir(file)); err != nil {
		return configError("", "--env-file: cannot write %s: %w", file, pathError(err))
	}
	if err := renameio.WriteFile(file, []byte(text), 0o600, renameio.IgnoreUmask()); err != nil {
		return configError("", "--env-file: cannot write %s: %w", file, errors.Unwrap(err))
	}
	return nil
}
