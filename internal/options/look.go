package options

import (
	"log/slog"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/mount"
	"infisicalfs/secret"
)

// Look says what a mount looks like and what it allows, whatever server it
// is of.
type Look struct {
	View      View
	Change    Change
	Layout    Layout
	Templates Templates
}

// AddFlags declares the options' flags.
func (o *Look) AddFlags(f *pflag.FlagSet) {
	o.View.AddFlags(f)
	o.Change.AddFlags(f)
	o.Layout.AddFlags(f)
	o.Templates.AddFlags(f)
}

// MountConfig is how to mount what c has at root, which is as far as the options
// say it. It fails if that could not be meant.
func (o *Look) MountConfig(mountpoint string, c *client.Client, root secret.Dir, log *slog.Logger) (mount.Config, error) {
	cfg := mount.Config{Mountpoint: mountpoint, Root: root, Upstream: c, Refresh: c.Reconsider, MaxSecrets: c.MaxSecrets(), Log: log}
	o.View.Apply(&cfg)
	o.Change.Apply(&cfg, c)
	if err := o.Layout.Apply(&cfg); err != nil {
		return cfg, err
	}
	var err error
	if cfg.Templates, err = o.Templates.Load(); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}
