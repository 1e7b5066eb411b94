// Package tokenfile reads files that hold one token or key. Such files are
// replaced while the program runs (projected tokens live an hour), so that they are
// opened by name each time and nothing of them is kept.
package tokenfile

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// maxSize is more than any token, key or configuration of a cloud has.
const maxSize = 1 << 20

const hint = "name a regular file that holds it and that whoever mounts may read"

// Read returns what the file holds, to the last byte. A pipe or device, which could
// keep the reader waiting, is refused. From says in an error who named the file.
// Errors are an [exitcode.Error]; the cause can be [os.ErrNotExist].
func Read(from, path string) ([]byte, error) {
	// Opening a pipe that nobody writes to would wait.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, hint, "%s: cannot read the file: %w", from, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(file, maxSize+1))
	}
	switch {
	case err != nil:
		return nil, exitcode.Errorf(exitcode.Config, hint, "%s: cannot read the file: %w", from, err)
	case len(text) > maxSize:
		return nil, exitcode.Errorf(exitcode.Config, hint, "%s: %s is larger than 1 MiB", from, path)
	}
	return text, nil
}

// Token returns the one token that the file holds, without the blanks and line ends
// around it. An empty file and one of several words are refused.
func Token(from, path string) (secret.Value, error) {
	text, err := Read(from, path)
	if err != nil {
		return secret.Value{}, err
	}
	token := strings.TrimSpace(string(text))
	switch {
	case token == "":
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: %s is empty", from, path)
	case strings.ContainsFunc(token, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }):
		return secret.Value{}, exitcode.Errorf(exitcode.Config, hint, "%s: %s holds more than one token", from, path)
	}
	return secret.NewValue(token), nil
}
