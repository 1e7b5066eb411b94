package credential

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/namedfile"
	"infisicalfs/secret"
)

// maxFile is far more than any credential has, in bytes.
const maxFile = 64 << 10

// readFile reads one secret, without the newline that editors and echo put behind it.
func readFile(p place, setting Setting) (secret.Value, error) {
	const hint = "name a file that holds nothing but the secret and that whoever mounts may read"
	if LooksLikeSecret(p.file) {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: this is not the name of a file but looks like the secret itself", p.name)
	}
	text, err := namedfile.Read(p.file, maxFile+1)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: cannot read %s: %w", p.name, p.file, exitcode.PathError(err))
	}
	value := strings.TrimSpace(string(text))
	if setting.Free && value != "" {
		value = strings.TrimRight(string(text), "\r\n")
	}
	switch {
	case value == "":
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: %s is empty", p.name, p.file)
	case len(text) > maxFile || strings.ContainsAny(value, "\r\n"):
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: %s holds more than one line", p.name, p.file)
	}
	if err := oneWord(p.name+": "+p.file, value); err != nil && !setting.Free {
		return secret.Value{}, err
	}
	return secret.NewValue(value), nil
}

// oneWord refuses what cannot be a credential, before it goes into a request that
// fails with words about something else. The text is not repeated.
func oneWord(from, text string) error {
	at := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
	if at < 0 {
		return nil
	}
	what := "a blank"
	switch c := text[at]; {
	case c == '\n' || c == '\r':
		what = "a line end"
	case c != ' ' && c != '\t':
		what = "a character that no credential has"
	}
	return exitcode.Errorf(exitcode.Config, "set it to the credential alone, on one line", "%s has %s inside", from, what)
}

// LooksLikeSecret recognises a token where the name of its file is wanted, so
// that a slip does not put it into an error and from there into a log.
func LooksLikeSecret(path string) bool {
	return len(path) > 200 && !strings.Contains(path, "/") || strings.HasPrefix(path, "eyJ") || strings.HasPrefix(path, "st.")
}

// remove deletes the file of a credential that has been read. What is no regular file, a
// pipe or a descriptor, is gone by itself.
func remove(p place) error {
	if !isRegular(p.file) {
		return nil
	}
	if err := os.Remove(p.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return exitcode.Errorf(exitcode.Config, "remove it yourself and leave out --remove-credential, or let whoever mounts change its directory",
			"%s: cannot remove %s: %w", p.name, p.file, exitcode.PathError(err))
	}
	return nil
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
