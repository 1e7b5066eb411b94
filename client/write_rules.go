package client

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// maxName is the width, in characters, of the servers' column for names.
const maxName = 500

// checkName refuses names that no request can be about.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not UTF-8: %w", name, secret.ErrInvalid)
	case strings.Contains(name, "\x00"):
		return fmt.Errorf("the name %q has a NUL in it: %w", name, secret.ErrInvalid)
	case secret.Trim(name) != name:
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

// NewName says why the server takes no new secret of that name, as far as that is
// known; it asks nobody. Servers have refused a colon since February 2025 and a
// slash since April 2025, and no version tells: those with the routes of
// September 2025 do, and of others it is known once they have. What has such a
// name from before can be changed. The error wraps [secret.ErrInvalid].
func (c *Client) NewName(name string) error {
	if err := checkNewName(name); err != nil {
		return err
	}
	if strings.ContainsAny(name, refusedInNames) && (c.server.Profile.Routes() == transport.Current || c.server.Profile.StrictNames()) {
		return fmt.Errorf("the server takes no colon and no slash in the name %q: %w", name, secret.ErrInvalid)
	}
	return nil
}

const refusedInNames = ":/"

// learnNames draws the conclusion from the failure of a create.
func (c *Client) learnNames(name string, err error) {
	if strings.ContainsAny(name, refusedInNames) && errors.Is(err, secret.ErrInvalid) {
		c.server.Profile.LearnStrictNames()
	}
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
