package filename

import (
	"fmt"
	"strings"
	"unicode"

	"infisicalfs/secret"
)

// Why nothing can have a name. All wrap [secret.ErrInvalid].
var (
	// ErrTrimmed is about the server's name, ErrNone and ErrTooLong are about the
	// file's.
	ErrTrimmed = fmt.Errorf("%w: the server cuts white space off names", secret.ErrInvalid)
	ErrNone    = fmt.Errorf("%w: no file is called so: percent signs are written %%25", secret.ErrInvalid)
	ErrTooLong = fmt.Errorf("%w: a file name has at most 255 bytes", secret.ErrInvalid)
)

// Key returns the server's name for a secret that is, or would be, shown under a
// file name in the snapshot. The error is [ErrNone], or that of [Valid].
func Key(snap *secret.Folder, shown string) (string, error) {
	name, ok := Decode(shown)
	if !ok {
		// A secret beside the folder of its name.
		before, found := strings.CutSuffix(shown, besideDir)
		if name, ok = Decode(before); !found || !ok {
			return "", ErrNone
		}
		if _, ok := snap.Subfolder(name); !ok {
			return "", ErrNone
		}
	}
	return name, Valid(name)
}

// Valid says why the server could have nothing of that name, by its words about all
// names.
func Valid(name string) error {
	switch {
	case name == "" || strings.TrimFunc(name, trimmed) != name:
		return ErrTrimmed
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("%w: names cannot hold NUL", secret.ErrInvalid)
	}
	return nil
}

// trimmed reports whether servers cut r off: they go by JavaScript.
func trimmed(r rune) bool {
	return r == '\ufeff' || r != '\u0085' && unicode.IsSpace(r)
}
