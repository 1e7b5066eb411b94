package options

import (
	"github.com/spf13/pflag"

	"infisicalfs/internal/mount"
)

// Layout says which files there are, what they are called, how they end,
// and whose they are.
type Layout struct {
	layout           mount.Layout
	Include, Exclude List
	chmod            List
	serverModes      Mode
}

// AddFlags declares the options' flags.
func (o *Layout) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.layout.Kind, "layout", "tree", "tree, as on the server; flat, all in one directory; k8s, links into a generation as in volumes of Kubernetes")
	f.StringVar(&o.layout.Separator, "separator", "__", "what follows the name of a folder in --layout=flat")
	f.Var(&o.Include, "include", "show only what matches this `pattern`, such as tls/*.key or **/*_URL; can be repeated")
	f.Var(&o.Exclude, "exclude", "leave out what matches this `pattern`; can be repeated, and wins over --include")
	f.StringVar(&o.layout.Names, "names", "as-is", "write the names of secrets as-is, upper, lower or kebab (DATABASE_URL: database-url)")
	f.BoolVar(&o.layout.TrimNewline, "trim-newline", false, "show values without the line ends at their end")
	f.BoolVar(&o.layout.AddNewline, "add-newline", false, "show values with a newline at their end")
	f.Var(&o.chmod, "chmod", "`PATTERN=MODE,OWNER:GROUP` of files that differ, such as 'tls/*.key=0400,postgres'; can be repeated, the last that matches counts")
	f.Var(&o.serverModes, "server-modes", "let fs.mode, fs.owner and fs.group in a secret's metadata say whose its file is, with these permission `bits` at most")
}

// Apply copies the options into a mount's configuration.
func (o *Layout) Apply(cfg *mount.Config) error {
	cfg.Layout = o.layout
	cfg.Layout.Include, cfg.Layout.Exclude = o.Include, o.Exclude
	cfg.ServerModes = uint32(o.serverModes)
	for _, text := range o.chmod {
		rule, err := mount.ParseRule(text)
		if err != nil {
			return err
		}
		cfg.FS.Rules = append(cfg.FS.Rules, rule)
	}
	return nil
}
