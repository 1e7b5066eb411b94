package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/run"
)

// failure is an error with its cure and exit code.
type failure struct {
	err  error
	hint string
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }
func (f *failure) ExitCode() int { return f.code }

// errTold wraps an error that the user has been told of by somebody else.
var errTold = errors.New("the start in the background failed")

var errInterrupted = &failure{errors.New("interrupted"), "", exitcode.Other}

func usageError(cmd *cobra.Command, text string) error {
	return &failure{errors.New(text), fmt.Sprintf("run '%s --help'", cmd.CommandPath()), exitcode.Usage}
}

func configError(hint, format string, args ...any) error {
	return &failure{fmt.Errorf(format, args...), hint, exitcode.Config}
}

// fail prints what failed on one line and what to do on the next, and returns
// the exit code.
func fail(err error) int {
	if errors.Is(err, errTold) || errors.Is(err, run.ErrTold) {
		return exitcode.Of(err)
	}
	fmt.Fprintf(os.Stderr, "infisicalfs: error: %s\n", oneLine(err.Error()))
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(os.Stderr, "infisicalfs: hint: %s\n", oneLine(hint))
	}
	return exitcode.Of(err)
}

// note prints what is no failure and yet may not be what was meant.
func note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "infisicalfs: note: %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// oneLine makes a text with foreign words in it, such as a path or a server's
// message, fit for a line of a terminal: what would move the cursor is a blank,
// what cannot be seen, or turns the direction of writing, is shown as \u202e.
func oneLine(text string) string {
	var line strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		switch {
		case unicode.IsControl(r):
			line.WriteByte(' ')
		case r != ' ' && !unicode.IsGraphic(r) || unicode.In(r, unicode.Zl, unicode.Zp):
			line.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			line.WriteRune(r)
		}
	}
	return line.String()
}

// pathError shortens an error about a file to what a person needs.
func pathError(err error) error {
	if short, ok := errors.AsType[*os.PathError](err); ok {
		return short.Err
	}
	return err
}
