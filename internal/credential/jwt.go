package credential

import (
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// checkEnd is the error of a JWT that has ended, which from says the place of.
func checkEnd(from string, token secret.Value) error {
	end := client.TokenEnd(token)
	if end.IsZero() || time.Now().Before(end) {
		return nil
	}
	return exitcode.Errorf(exitcode.Login, "put a new one in its place; if this machine's clock is wrong, set it",
		"%s: the token has ended %s ago (at %s)", from, time.Since(end).Round(time.Second), end.UTC().Format(time.RFC3339))
}
