package secret

import (
	"context"
	"strings"
)

// Writer changes what a Source shows. It is handed over apart from the Source
// and never asserted from one: whoever has no Writer is read-only.
//
// Secrets and folders are the folder's own: what only an import gives does not
// exist for a Writer. Values are stored ones, with references unexpanded. A nil
// error means that the server has the change; any error means that it has not,
// as far as can be found out: an answer that got lost is settled by reading
// back before the method returns. The exception is named at the method.
//
// Errors wrap [ErrNotFound], [ErrExists], [ErrDenied], [ErrProtected] (rotation,
// approval needed), [ErrInvalid], [ErrTooLarge], [ErrNotEmpty], [ErrUnauthenticated],
// [ErrUnavailable], [ErrTimeout] or [ErrRateLimited].
type Writer interface {
	// Stored asks the server for a secret as it is stored now, past all caches.
	Stored(ctx context.Context, dir Dir, name string) (Secret, error)

	// StoredBelow asks for the secrets of a folder, and of all below it, as they are
	// stored. It leaves out what the identity may not read and what is too deep, or
	// gives it Hidden. [ErrInexact]: there is more than one answer may hold.
	StoredBelow(ctx context.Context, dir Dir) ([]Secret, error)

	// Create makes a secret and returns it as stored (servers trim values).
	Create(ctx context.Context, dir Dir, name string, value Value) (Secret, error)
	// Update gives a secret another value and returns it as stored. Comment and
	// tags stay. The returned version tells whether somebody came in between.
	Update(ctx context.Context, dir Dir, name string, value Value) (Secret, error)
	// Annotate changes the comment, the tags (slugs), or both; nil stays.
	Annotate(ctx context.Context, dir Dir, name string, comment *string, tags []string) (Secret, error)
	// Rename gives a secret another name in its folder. Id and history stay where
	// the server can; else it is a create and a delete, and if the delete fails
	// both names exist and the error says so. ErrExists if the name is taken.
	Rename(ctx context.Context, dir Dir, from, to string) (Secret, error)
	// Move puts a secret into another folder of the same project, also in another
	// environment, under the same name. ErrExists if the name is taken there.
	Move(ctx context.Context, dir Dir, name string, to Dir) error
	// Delete removes a secret.
	Delete(ctx context.Context, dir Dir, name string) error

	// CreateFolder makes a folder in dir, which must exist.
	CreateFolder(ctx context.Context, dir Dir, name string) error
	// RenameFolder gives a folder in dir another name. ErrExists if it is taken.
	RenameFolder(ctx context.Context, dir Dir, from, to string) error
	// DeleteFolder removes a folder in dir, which must be empty but for imports.
	DeleteFolder(ctx context.Context, dir Dir, name string) error
}

// What servers make of names and values, so that it is known before they do it.

// white is what JavaScript's trim cuts off. Unlike Go's it has the byte order
// mark and not U+0085.
const white = "\t\n\v\f\r \u00a0\u1680" +
	"\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
	"\u2028\u2029\u202f\u205f\u3000\ufeff"

// Trim cuts off white space as servers do with names, values and comments.
func Trim(s string) string { return strings.Trim(s, white) }

// StoredForm is what a server keeps of a value that is sent: white space around
// it goes, but one newline stays if the last character was one.
func StoredForm(value string) string {
	stored := Trim(value)
	if strings.HasSuffix(value, "\n") {
		stored += "\n"
	}
	return stored
}
