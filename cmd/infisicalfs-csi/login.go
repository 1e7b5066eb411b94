package main

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"infisicalfs/cmd/infisicalfs-csi/internal/node"
	"infisicalfs/internal/config"
	"infisicalfs/internal/exitcode"
	words "infisicalfs/internal/options"
)

// login finds the identities of the configuration file, which is read anew each time, and, without
// a name, what the command line says.
func (o *options) login(log *slog.Logger) node.Logins {
	return func(name string) (node.Login, error) {
		server := &o.server
		if name != "" {
			section, err := o.identity(name)
			if err != nil {
				return node.Login{}, err
			}
			if server, err = o.server.As(section); err != nil {
				return node.Login{}, err
			}
		}
		cfg, err := server.ClientConfig(words.Unset, log)
		cfg.UserAgent = "infisicalfs-csi/" + version
		return node.Login{Client: cfg, IdentityID: server.Who.IdentityID, OrganizationSlug: server.Who.OrganizationSlug}, err
	}
}

// identity is one of the configuration file.
func (o *options) identity(name string) (config.Section, error) {
	if o.config == "" {
		return config.Section{}, exitcode.Errorf(exitcode.Config, "give the node plugin --config, or leave the attribute out", "the node has no configuration, so no identity is called %q", name)
	}
	file, err := config.Load(words.Keys(allFlags), o.config)
	if bad, ok := errors.AsType[*config.Error](err); ok {
		return config.Section{}, exitcode.Errorf(exitcode.Config, bad.Hint, "%w", err)
	}
	if err != nil {
		return config.Section{}, err
	}
	section, ok := file.Identity(name)
	if !ok {
		return section, exitcode.Errorf(exitcode.Config, "there are "+strings.Join(slices.Sorted(slices.Values(file.Identities())), ", "), "no identity is called %q", name)
	}
	return section, nil
}

// allFlags are those that keys of a configuration file are called like.
func allFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(words.Scope).AddPlace(f)
	new(words.Look).AddFlags(f)
	new(words.Server).AddFlags(f)
	return f
}
