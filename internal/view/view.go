// Package view writes a folder down as one text: in the dialects that config
// loaders read, or by a template. It does no input or output.
//
// A view holds the values of a folder's secrets exactly, or is an error
// that names a secret which it cannot hold. No dialect carries every value: what it
// would change is never written.
package view

import (
	"fmt"

	"infisicalfs/secret"
)

// maxBytes bounds a view. One value is a megabyte at most, a folder may have
// thousands.
const maxBytes = 16 << 20

// View is one way of writing a folder down. It is immutable and safe for
// concurrent use.
type View struct {
	name  string
	write func(p *buffer, f *secret.Folder) error
}

// Name is what the view is called in each folder, such as ".env".
func (v *View) Name() string { return v.name }

// Render returns the view of one snapshot: its secrets, imported ones included,
// in the order of their names, without subfolders.
//
// The error is an [*Error] if a secret is at fault. It wraps [secret.ErrInvalid]
// if the view cannot hold what is asked for, [secret.ErrDenied] if a value must
// not be read, and [secret.ErrTooLarge] beyond 16 MiB. It never has a value in it.
func (v *View) Render(f *secret.Folder) (secret.Value, error) {
	if f.Denied != nil {
		return secret.Value{}, fmt.Errorf("%s: %w", v.name, f.Denied)
	}
	var p buffer
	defer p.wipe()
	if err := v.write(&p, f); err != nil {
		if fault, ok := err.(*Error); ok {
			fault.View = v.name
			return secret.Value{}, fault
		}
		return secret.Value{}, fmt.Errorf("%s: %w", v.name, err)
	}
	return p.text(), nil
}

// Builtin returns the views that each folder has, sorted by name. For whom .env is
// says env, of which the empty text means [EnvStrict].
func Builtin(env EnvDialect) []*View {
	all := dialects(env)
	list := make([]*View, 0, len(all))
	for i := range all {
		list = append(list, &View{all[i].name, all[i].write})
	}
	return list
}

// Error names a secret that keeps a view from being rendered.
type Error struct {
	View, Key string
	Why       string // in words without any value
	Others    int    // how many more secrets of the folder it cannot hold

	kind error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s cannot hold %q: %s", e.View, e.Key, e.Why)
	switch e.Others {
	case 0:
		return text
	case 1:
		return text + " (and one other secret)"
	default:
		return fmt.Sprintf("%s (and %d other secrets)", text, e.Others)
	}
}

// Unwrap returns the sentinel of package secret.
func (e *Error) Unwrap() error { return e.kind }
