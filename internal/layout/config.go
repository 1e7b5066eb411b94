// Package layout stands between the cache and the file system where a program
// wants to see something else than the server's folders: other names, a newline
// more or less, fewer secrets, or all of them in one directory.
//
// It makes snapshots from snapshots and asks nobody itself: how old an answer
// is, what it proves and who may not see it stays as it was.
package layout

import (
	"infisicalfs/internal/glob"
	"infisicalfs/secret"
)

// Config says what is shown, and how. The zero Config shows everything as it is.
type Config struct {
	// Root is what the mount shows. What is above it is not asked for.
	Root secret.Dir

	// Include and Exclude choose by the server's names, relative to Root: what a
	// pattern matches, and if that is a directory all below it. Without any
	// Include everything is included; an Exclude wins.
	Include, Exclude []glob.Pattern

	// TrimNewline takes the line ends off the end of each value.
	TrimNewline bool
	// AddNewline puts one there where there is none, also to an empty value.
	AddNewline bool

	// Names changes the names of secrets; those of folders stay. Empty: AsIs.
	Names Names

	// Flat shows all secrets below Root in one directory. The names of the
	// folders come first, each followed by Separator, and are changed as Names
	// says. Root has to be a folder.
	Flat      bool
	Separator string
}

// Names is a way of writing names.
type Names string

const (
	AsIs  Names = "as-is"
	Upper Names = "upper" // databaseUrl, database_url: DATABASEURL, DATABASE_URL
	Lower Names = "lower" // DATABASE_URL: database_url
	Kebab Names = "kebab" // DATABASE_URL, databaseUrl: database-url
)

// Known reports whether n is one of the above.
func (n Names) Known() bool { return n == AsIs || n == Upper || n == Lower || n == Kebab }

// chooses reports whether something is left out.
func (c Config) chooses() bool { return len(c.Include)+len(c.Exclude) > 0 }

// changes reports whether what is shown differs from what is stored.
func (c Config) changes() bool {
	return c.TrimNewline || c.AddNewline || c.Names != "" && c.Names != AsIs || c.Flat
}
