package credential

import (
	"errors"
	"fmt"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// withCure has the cure in the words of an error that is met while a mount lives, where
// there is a log and nobody who would be given a hint.
func withCure(err error) error {
	if failure, ok := errors.AsType[*exitcode.Error](err); ok && failure.Hint != "" {
		return fmt.Errorf("%w: %s", err, failure.Hint)
	}
	return err
}

// checkEnd is the error of a JWT that has ended, which from says the place of.
func checkEnd(from string, token secret.Value) error {
	end := client.TokenEnd(token)
	if end.IsZero() || time.Now().Before(end) {
		return nil
	}
	return exitcode.Errorf(exitcode.Login, "put a new one in its place; if this machine's clock is wrong, set it",
		"%s: the token has ended %s ago (at %s)", from, ago(time.Since(end)), end.UTC().Format(time.RFC3339))
}

// ago is how long something is past, for people: in days from two days on.
func ago(past time.Duration) string {
	const day = 24 * time.Hour
	if past < 2*day {
		return past.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", past/day)
}
