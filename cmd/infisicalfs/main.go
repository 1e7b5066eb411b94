// Command infisicalfs mounts Infisical as a file system.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/run"
)

// version is set by the linker (-X main.version=…) for releases.
var version = "0.1.0-dev"

func main() { os.Exit(execute(os.Args)) }

// isSecretVariable reports whether an environment variable may hold what somebody could
// log in with, to us or to a cloud: by its name, or because a token is in it. It is
// generous, as hiding more does no harm.
func isSecretVariable(name, value string) bool {
	if strings.HasPrefix(value, "eyJ") || strings.HasPrefix(value, "st.") {
		return true
	}
	return slices.ContainsFunc([]string{"SECRET", "TOKEN", "PASS", "KEY", "HEADER", "JWT"}, func(word string) bool {
		return strings.Contains(strings.ToUpper(name), word)
	})
}

// execute is main without the process: it returns the exit code.
func execute(args []string) int {
	daemon.HideVariables(isSecretVariable) // first, see there
	if mount.OnlyWatches() {
		return exitcode.OK
	}
	// net/http prints what arrives behind the end of an answer, which may be values.
	// We have a log of our own.
	log.SetOutput(io.Discard)
	if name, entered, err := run.Entered(); entered {
		return runCode(fail(notExecuted(name, err)))
	}
	if strings.HasPrefix(filepath.Base(args[0]), "mount.") || calledByFuse(args[1:]) {
		translated, err := helperArguments(args[1:])
		if err != nil {
			return fail(err)
		}
		if translated == nil {
			return exitcode.OK
		}
		args = append(args[:1:1], translated...)
	}
	root := newRoot()
	root.SetArgs(args[1:])
	if cmd, err := root.ExecuteContextC(context.Background()); err != nil {
		code := fail(err)
		// Where the words were wrong, nothing was looked at.
		mount.ReceiveLegacy(logging.Foreground(false)).GiveUp(errLegacyUnused)
		if cmd.Name() == "run" {
			code = runCode(code)
		}
		return code
	}
	return exitcode.OK
}
