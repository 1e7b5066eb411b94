package main

import (
	"github.com/spf13/pflag"

	"infisicalfs/internal/mount"
)

// layoutOptions say which files there are, what they are called, how they end,
// and whose they are.
type layoutOptions struct {
	layout      mount.Layout
	chmod       []string
	serverModes modeValue
}

// AddFlags declares the options' flags.
func (o *layoutOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.layout.Kind, "layout", "tree", "tree, as on the server; flat, all in one directory; k8s, links to a generation as in a Kubernetes volume")
	f.StringVar(&o.layout.Separator, "separator", "__", "what follows the name of a folder in --layout=flat")
	f.StringArrayVar(&o.layout.Include, "include", nil, "show only what matches this `pattern`, such as tls/*.key or **/*_URL; may be repeated")
	f.StringArrayVar(&o.layout.Exclude, "exclude", nil, "leave out what matches this `pattern`; may be repeated, and wins over --include")
	f.StringVar(&o.layout.Names, "names", "as-is", "write names of secrets as-is, upper, lower or kebab (DATABASE_URL: database-url)")
	f.BoolVar(&o.layout.TrimNewline, "trim-newline", false, "show values without line ends at their end")
	f.BoolVar(&o.layout.AddNewline, "add-newline", false, "show values with a newline at their end")
}

// apply copies the options into a mount's configuration.
func (o *layoutOptions) apply(cfg *mount.Config) { cfg.Layout = o.layout }
