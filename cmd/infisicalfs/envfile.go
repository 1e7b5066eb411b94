package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/privatefile"
)

// envFileHead begins each file that writeEnvFile wrote.
const envFileHead = "# written by infisicalfs dev, which removes it at its end\n"

// writeEnvFile writes what a client needs, readable by its owner only. It
// replaces an empty file and what a killed dev server left, and nothing else:
// people keep their own secrets in files of such names.
func writeEnvFile(file, url string, c devserver.Credentials) error {
	const hint = "name a file that is not there yet, in a directory that is"
	info, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return exitcode.Errorf(exitcode.Config, hint, "--env-file: %s: %w", file, exitcode.PathError(err))
	case !info.Mode().IsRegular():
		return exitcode.Errorf(exitcode.Config, hint, "--env-file: %s is not a regular file", file)
	default:
		text, err := os.ReadFile(file)
		if err != nil {
			return exitcode.Errorf(exitcode.Config, hint, "--env-file: cannot read %s: %w", file, exitcode.PathError(err))
		}
		if len(text) > 0 && !bytes.HasPrefix(text, []byte(envFileHead)) {
			return exitcode.Errorf(exitcode.Config, hint, "--env-file: %s exists and was not written by infisicalfs dev", file)
		}
	}
	text := fmt.Sprintf(envFileHead+"INFISICAL_API_URL=%s\nINFISICAL_UNIVERSAL_AUTH_CLIENT_ID=%s\nINFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=%s\nINFISICAL_ORGANIZATION_ID=%s\n",
		url, c.ClientID, c.ClientSecret, c.OrganizationID)
	if err := privatefile.Write(file, []byte(text)); err != nil {
		return exitcode.Errorf(exitcode.Config, hint, "--env-file: cannot write %s: %w", file, exitcode.PathError(err))
	}
	return nil
}
