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
	Freshness Freshness
	Access    Access
	Change    Change
	Layout    Layout
	Templates Templates
	Dialect   Dialect

	control Switch
	Debug   bool
}

// AddFlags declares the options' flags.
func (o *Look) AddFlags(f *pflag.FlagSet) {
	o.Freshness.AddFlags(f)
	o.Access.AddFlags(f)
	o.Change.AddFlags(f)
	o.Layout.AddFlags(f)
	o.Templates.AddFlags(f)
	o.Dialect.AddFlags(f)
	o.control = true
	f.Var(&o.control, "control", "have .infisicalfs at the mount's root, with the status and what could not be sent: `on|off`; status, unmount and rejected work either way")
	f.BoolVar(&o.Debug, "debug", false, "log each request and each kernel message, without values")
}

// MountConfig is how to mount what c has at root, which is as far as the options
// say it. It fails if that could not be meant.
func (o *Look) MountConfig(mountpoint string, c *client.Client, root secret.Dir, log *slog.Logger) (mount.Config, error) {
	cfg := mount.Config{
		Mountpoint: mountpoint, Root: root, Upstream: c, Refresh: c.Reconsider, MaxSecrets: c.MaxSecrets(),
		Debug: o.Debug, Log: log,
	}
	cfg.FS.NoControl = !bool(o.control)
	o.Freshness.Apply(&cfg)
	o.Change.Apply(&cfg, c)
	o.Layout.Apply(&cfg)
	cfg.EnvDialect = o.Dialect.Env
	if err := o.Access.Apply(&cfg); err != nil {
		return cfg, err
	}
	var err error
	if cfg.Templates, err = o.Templates.Load(); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}
