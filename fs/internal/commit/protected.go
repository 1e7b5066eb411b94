package commit

import (
	"context"
	"fmt"
	"regexp"

	"infisicalfs/secret"
)

// The reasons why a secret may not be written. They wrap [secret.ErrProtected].
var (
	ErrRotated   = fmt.Errorf("%w: it is managed by a rotation", secret.ErrProtected)
	ErrReference = fmt.Errorf("%w: its value has references, and writing the file would put their present text in their place; mount with --expand=false to edit it, or with --overwrite", secret.ErrProtected)
	ErrPersonal  = fmt.Errorf("%w: personal overrides are shown, and a write would be for the shared value; mount with --personal=false", secret.ErrProtected)
	ErrImported  = fmt.Errorf("%w: only an import gives it", secret.ErrProtected)
)

// Writable says why a secret of the folder, as it is shown, may not be changed: nil,
// [ErrPersonal] or [ErrRotated].
func (c *Committer) Writable(s *secret.Secret) error {
	switch {
	case c.PersonalReadOnly || s.Personal:
		return ErrPersonal
	case s.Import == nil && s.Rotated:
		return ErrRotated
	}
	return nil
}

// Stored asks the server for a secret that is going to be replaced, and says
// why it may not be: [ErrRotated], [ErrReference], or an error of [secret.Writer].
func (c *Committer) Stored(ctx context.Context, dir secret.Dir, name string) (secret.Secret, error) {
	s, err := c.Writer.Stored(ctx, dir, name)
	switch {
	case err != nil:
		return s, err
	case s.Rotated:
		return s, ErrRotated
	case !c.Raw && !c.Overwrite && Refers(s.Value):
		return s, ErrReference
	}
	return s, nil
}

// reference is how servers write a reference to another secret.
var reference = regexp.MustCompile(`\$\{[^}]+\}`)

// Refers reports whether a stored value has references.
func Refers(v secret.Value) bool {
	text := make([]byte, v.Len())
	defer clear(text)
	return reference.Match(text[:v.CopyAt(text, 0)])
}
