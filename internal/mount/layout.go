package mount

import (
	"log/slog"
	"maps"
	"slices"
	"strings"

	"infisicalfs/fs"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/glob"
	"infisicalfs/internal/layout"
	"infisicalfs/internal/view"
	"infisicalfs/secret"
)

// Layout says what is shown under which names and with which line ends. The
// zero Layout shows the server's folders as they are.
type Layout struct {
	Kind      string // "tree" (also ""), "flat" or "k8s"
	Separator string // between the names of folders and secrets of a flat layout

	Include, Exclude []string // patterns of package glob, relative to the root

	Names                   string // "as-is" (also ""), "upper", "lower" or "kebab"
	TrimNewline, AddNewline bool
}

// maxSeparator is long enough for anybody, and leaves room for names.
const maxSeparator = 16

func (l Layout) validate(c Config) error {
	switch {
	case l.Kind != "" && l.Kind != "tree" && l.Kind != "flat" && l.Kind != "k8s":
		return exitcode.Errorf(exitcode.Config, "use tree, flat or k8s", "%q is no layout", l.Kind)
	case l.Names != "" && !layout.Names(l.Names).Known():
		return exitcode.Errorf(exitcode.Config, "use as-is, upper, lower or kebab", "%q is no way of writing names", l.Names)
	case l.TrimNewline && l.AddNewline:
		return exitcode.Errorf(exitcode.Config, "use one of them", "--trim-newline and --add-newline contradict each other")
	case l.Kind == "flat" && !c.Root.IsFolder():
		return exitcode.Errorf(exitcode.Config, "name a project and an environment (--project, --env)", "--layout=flat shows one environment, or one folder of it")
	case l.Kind == "flat" && !validSeparator(l.Separator):
		return exitcode.Errorf(exitcode.Config, "use something like __ or .", "the separator %q cannot be between two names", l.Separator)
	case !c.readOnly() && l.oneWay() != "":
		return exitcode.Errorf(exitcode.Config, "add --read-only", "what is written with %s could not be told back to the server as it was meant", l.oneWay())
	}
	_, err := l.parse(c.Root)
	return err
}

// validSeparator: names that begin with two dots are the file system's own.
func validSeparator(s string) bool {
	return s != "" && len(s) <= maxSeparator && !strings.ContainsAny(s, "/%\x00") && !strings.HasPrefix(s, "..")
}

// oneWay returns the first option with which a file is not what the server has.
func (l Layout) oneWay() string {
	switch {
	case l.Kind == "flat" || l.Kind == "k8s":
		return "--layout=" + l.Kind
	case l.Names != "" && l.Names != string(layout.AsIs):
		return "--names=" + l.Names
	case l.TrimNewline:
		return "--trim-newline"
	case l.AddNewline:
		return "--add-newline"
	}
	return ""
}

// Over returns what a mount at root shows of source with this layout, for whoever
// needs it without a mount. The error is an *exitcode.Error.
func (l Layout) Over(source secret.Source, root secret.Dir) (secret.Source, error) {
	cfg, err := l.parse(root)
	if err != nil {
		return nil, err
	}
	return layout.New(source, cfg, slog.New(slog.DiscardHandler)).Source(), nil
}

func (l Layout) parse(root secret.Dir) (layout.Config, error) {
	cfg := layout.Config{
		Root: root, Names: layout.Names(l.Names), TrimNewline: l.TrimNewline, AddNewline: l.AddNewline,
		Flat: l.Kind == "flat", Separator: l.Separator,
	}
	var err error
	if cfg.Include, err = patterns("--include", l.Include); err != nil {
		return cfg, err
	}
	cfg.Exclude, err = patterns("--exclude", l.Exclude)
	return cfg, err
}

func patterns(flag string, texts []string) (list []glob.Pattern, err error) {
	for _, text := range texts {
		p, err := glob.Parse(text)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Config, "use a pattern like tls/*.key, relative to what is mounted", "%s: %q %w", flag, text, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// views returns the files that each folder has besides its secrets, by name. The
// error is about the name of a template.
func (c Config) views() (map[string]fs.View, error) {
	views := make(map[string]fs.View)
	for _, v := range view.Builtin(c.EnvDialect) {
		views[v.Name()] = v.Render
	}
	for _, name := range c.Views {
		if views[name] == nil {
			return nil, exitcode.Errorf(exitcode.Config, "use "+strings.Join(slices.Sorted(maps.Keys(views)), ", "), "there is no view %q", name)
		}
	}
	if c.Views != nil {
		maps.DeleteFunc(views, func(name string, _ fs.View) bool { return !slices.Contains(c.Views, name) })
	}
	for _, v := range c.Templates {
		name := v.Name()
		switch {
		case fs.EncodeName(name) != name || name == reserved:
			return nil, exitcode.Errorf(exitcode.Config, "use a name like app.conf", "no file of a mount can be called %q, as a template wants", name)
		case views[name] != nil:
			return nil, exitcode.Errorf(exitcode.Config, "choose another name", "two views are called %q", name)
		}
		views[name] = v.Render
	}
	for _, name := range c.ListedViews {
		if views[name] == nil {
			return nil, exitcode.Errorf(exitcode.Config, "use "+strings.Join(slices.Sorted(maps.Keys(views)), ", "), "there is no view %q to list", name)
		}
	}
	return views, nil
}

// reserved is what the mount's root has for itself.
const reserved = ".infisicalfs"
