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

// errTold wraps an error that the user has been told of by somebody else.
var errTold = errors.New("the start in the background failed")

var errInterrupted = &exitcode.Error{Err: errors.New("interrupted"), Hint: "", Code: exitcode.Other}

func usageError(cmd *cobra.Command, text string) error {
	return &exitcode.Error{Err: errors.New(text), Hint: fmt.Sprintf("run '%s --help'", cmd.CommandPath()), Code: exitcode.Usage}
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

func noteAll(texts []string) {
	for _, text := range texts {
		note("%s", text)
	}
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
