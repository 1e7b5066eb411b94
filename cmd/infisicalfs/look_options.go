package main

import (
	"log/slog"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/mount"
	"infisicalfs/secret"
)

// lookOptions say what a mount looks like and what it allows, whatever server it
// is of.
type lookOptions struct {
	view      viewOptions
	change    changeOptions
	layout    layoutOptions
	templates templateOptions
}

// AddFlags declares the options' flags.
func (o *lookOptions) AddFlags(f *pflag.FlagSet) {
	o.view.AddFlags(f)
	o.change.AddFlags(f)
	o.layout.AddFlags(f)
	o.templates.AddFlags(f)
}

// mountConfig is how to mount what c has at root, which is as far as the options
// say it. It fails if that could not be meant.
func (o *lookOptions) mountConfig(mountpoint string, c *client.Client, root secret.Dir, log *slog.Logger) (mount.Config, error) {
	cfg := mount.Config{Mountpoint: mountpoint, Root: root, Upstream: c, Refresh: c.Reconsider, MaxSecrets: c.MaxSecrets(), Log: log}
	o.view.apply(&cfg)
	o.change.apply(&cfg, c)
	if err := o.layout.apply(&cfg); err != nil {
		return cfg, err
	}
	var err error
	if cfg.Templates, err = o.templates.load(); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}
