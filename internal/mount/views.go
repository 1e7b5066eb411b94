package mount

import (
	"infisicalfs/fs"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/view"
)

// views returns the files that each folder has besides its secrets, by name. The
// error is about the name of a template.
func (c Config) views() (map[string]fs.View, error) {
	views := make(map[string]fs.View)
	for _, v := range view.Builtin() {
		views[v.Name()] = v.Render
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
	return views, nil
}

// reserved is what the mount's root has for itself.
const reserved = ".infisicalfs"
