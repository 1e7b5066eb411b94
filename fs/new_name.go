package fs

import (
	"fmt"
	"strings"
	"unicode"

	"infisicalfs/secret"
)

// The reasons why nothing can be made under a name.
var (
	errViewName = fmt.Errorf("%w: the name shows the whole folder", secret.ErrProtected)
	errControl  = fmt.Errorf("%w: the name belongs to the file system", secret.ErrProtected)
	errTrimmed  = fmt.Errorf("%w: the server cuts white space off names", secret.ErrInvalid)
	errNoSuch   = fmt.Errorf("%w: no file is called so: percent signs are written %%25", secret.ErrInvalid)
	errLongName = fmt.Errorf("%w: a file name has at most 255 bytes", secret.ErrInvalid)
	errNotHere  = fmt.Errorf("%w: projects and environments are not made here", secret.ErrProtected)
)

// newEntry says why nothing can be created in the directory under a file name,
// whatever it would be.
func (d *dir) newEntry(shown string) error {
	switch {
	case len(shown) > maxName:
		return errLongName
	case d.shadows(shown):
		return errControl
	case !d.where().IsFolder():
		return errNotHere
	case d.view(shown) != nil:
		return errViewName
	}
	return nil
}

// newName returns the server's name for a secret that is to be made and shown
// under a file name.
func (f *FS) newName(snap *secret.Folder, shown string) (string, error) {
	name, err := nameOf(snap, shown)
	if err == nil {
		err = f.cfg.Refuses(snap.Dir, name, false)
	}
	return name, err
}

// nameOf returns the server's name for a secret that is shown under a file name.
func nameOf(snap *secret.Folder, shown string) (string, error) {
	name, ok := DecodeName(shown)
	if !ok {
		// A secret beside the folder of its name.
		before, found := strings.CutSuffix(shown, besideDir)
		if name, ok = DecodeName(before); !found || !ok {
			return "", errNoSuch
		}
		if _, ok := snap.Subfolder(name); !ok {
			return "", errNoSuch
		}
	}
	return name, validName(name)
}

func validName(name string) error {
	switch {
	case name == "" || strings.TrimFunc(name, trimmed) != name:
		return errTrimmed
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("%w: names cannot hold NUL", secret.ErrInvalid)
	}
	return nil
}

// trimmed reports whether servers cut r off: they go by JavaScript.
func trimmed(r rune) bool {
	return r == '\ufeff' || r != '\u0085' && unicode.IsSpace(r)
}
