package options

import (
	"os"
	"strings"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/namedfile"
	"infisicalfs/internal/view"
)

// Templates names files that are made of a folder's secrets.
type Templates struct{ Files List }

// AddFlags declares the options' flags.
func (o *Templates) AddFlags(f *pflag.FlagSet) {
	f.Var(&o.Files, "template", "show what the Go template in a file makes of a folder, under a name in each folder: `FILE=NAME`; can be repeated")
}

// maxTemplate is the size of a template at most.
const maxTemplate = 1 << 20

// Load reads and parses the templates. Their names are what a mount allows,
// whatever they are for.
func (o *Templates) Load() ([]*view.View, error) {
	var views []*view.View
	for _, pair := range o.Files {
		file, name := splitTemplate(pair)
		if file == "" || name == "" {
			return nil, exitcode.Errorf(exitcode.Config, "use --template /etc/app.tmpl=app.conf", "--template wants a file and a name, not %q", pair)
		}
		source, err := readTemplate(file)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Config, "name a readable file of 1 MiB at most", "--template: cannot read %s: %w", file, exitcode.PathError(err))
		}
		v, err := view.Template(name, source)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Config, "the syntax is that of Go's text/template; the functions are get, has, keys, json and quote", "--template: %s: %w", file, err)
		}
		views = append(views, v)
	}
	return views, mount.Config{Mountpoint: "/", Upstream: new(client.Client), Templates: views}.Validate()
}

// File is the template that makes the view of that name, empty if none does.
func (o *Templates) File(view string) string {
	for _, pair := range o.Files {
		if file, name := splitTemplate(pair); name == view {
			return file
		}
	}
	return ""
}

// splitTemplate takes FILE=NAME apart. A file may have = in its name.
func splitTemplate(pair string) (file, name string) {
	i := strings.LastIndexByte(pair, '=')
	if i < 0 {
		return "", ""
	}
	return pair[:i], pair[i+1:]
}

func readTemplate(path string) (string, error) {
	text, err := namedfile.Read(path, maxTemplate+1)
	if err == nil && len(text) > maxTemplate {
		err = os.ErrInvalid
	}
	return string(text), err
}
