package options

import (
	"slices"

	"github.com/spf13/pflag"

	"infisicalfs/internal/mount"
)

// Layout says which files there are, what they are called, and how they end.
type Layout struct {
	layout           mount.Layout
	Include, Exclude List
	listed           []string // views
}

// AddFlags declares the options' flags.
func (o *Layout) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.layout.Kind, "layout", "tree", "tree, as on the server; flat, all in one directory; k8s, links into a generation as in volumes of Kubernetes")
	f.StringVar(&o.layout.Separator, "separator", "__", "what follows the name of a folder in --layout=flat")
	f.Var(&o.Include, "include", "show only what matches this `pattern`, such as tls/*.key or **/*_URL; can be repeated")
	f.Var(&o.Exclude, "exclude", "leave out what matches this `pattern`; can be repeated, and wins over --include")
	f.StringVar(&o.layout.Names, "names", "as-is", "write the names of secrets as-is, upper, lower or kebab (DATABASE_URL: database-url)")
	f.StringSliceVar(&o.listed, "list-views", nil, "list these views, such as .env, for programs that find what they read by listing a directory: `names` with commas between; what copies a directory copies them too")
	f.BoolVar(&o.layout.TrimNewline, "trim-newline", false, "show values without the line ends at their end")
	f.BoolVar(&o.layout.AddNewline, "add-newline", false, "show values with a newline at their end")
}

// Apply copies the options into a mount's configuration.
func (o *Layout) Apply(cfg *mount.Config) {
	cfg.Layout = o.layout
	cfg.Layout.Include, cfg.Layout.Exclude = o.Include, o.Exclude
	cfg.ListedViews = slices.Compact(slices.Sorted(slices.Values(o.listed)))
}
