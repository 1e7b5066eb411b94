package client

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"infisicalfs/secret"
)

// What servers do to names and values, so that it is known before they do it.

// white is what JavaScript's trim cuts off, which servers apply to names,
// values and comments. Unlike Go's it has the byte order mark and not U+0085.
const white = "\t\n\v\f\r \u00a0\u1680" +
	"\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
	"\u2028\u2029\u202f\u205f\u3000\ufeff"

func trim(s string) string { return strings.Trim(s, white) }

// storedForm is what a server keeps of a value that is sent: white space around
// it goes, but one newline stays if the last character was one.
func storedForm(value string) string {
	stored := trim(value)
	if strings.HasSuffix(value, "\n") {
		stored += "\n"
	}
	return stored
}

// maxName is the width, in characters, of the servers' column for names.
const maxName = 500

// checkName refuses names that no request can be about.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not UTF-8: %w", name, secret.ErrInvalid)
	case strings.Contains(name, "\x00"):
		return fmt.Errorf("the name %q has a NUL in it: %w", name, secret.ErrInvalid)
	case trim(name) != name:
		return fmt.Errorf("the server would cut the white space off the name %q: %w", name, secret.ErrInvalid)
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Errorf("a name may have %d characters: %w", maxName, secret.ErrInvalid)
	}
	return nil
}

// checkNewName refuses names that must not come into being.
func checkNewName(name string) error {
	if name == "" {
		return fmt.Errorf("a name must not be empty: %w", secret.ErrInvalid)
	}
	return checkName(name)
}

// checkText refuses what JSON cannot carry.
func checkText(what, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("the %s is not UTF-8 text, which is all that the server stores: %w", what, secret.ErrInvalid)
	}
	return nil
}

var folderName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// checkFolderName holds new names to what current servers take. Older ones
// answer others with an internal error, with the parent as if it were the new
// folder, or by storing a folder that no path reaches.
func checkFolderName(name string) error {
	if !folderName.MatchString(name) {
		return fmt.Errorf("the folder name %q has other characters than letters, digits, - and _, or too many: %w", name, secret.ErrInvalid)
	}
	return nil
}

// maxInURL is how many UTF-16 units the servers' router takes for a name in a
// URL. To a longer one it says that there is no such route.
const maxInURL = 100

// fitsURL reports whether a route for one secret reaches this name. The others
// are within reach of lists and batches only: a slash splits the path, dots are
// collapsed on the way, and some words are routes of their own.
func fitsURL(name string) bool {
	switch name {
	case "", ".", "..", "batch", "move", "duplicate", "id":
		return false
	}
	return !strings.Contains(name, "/") && len(utf16.Encode([]rune(name))) <= maxInURL
}
