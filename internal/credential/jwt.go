package credential

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"infisicalfs/internal/exitcode"
)

// endOf is when a JWT says that it ends, zero if it does not or is none. Nothing of it
// is verified: that is the server's business.
func endOf(text string) time.Time {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires float64 `json:"exp"` // seconds since 1970, maybe with a fraction
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 || claims.Expires > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expires), 0)
}

// checkEnd is the error of a JWT that has ended, which from says the place of.
func checkEnd(from, text string) error {
	end := endOf(text)
	if end.IsZero() || time.Now().Before(end) {
		return nil
	}
	return exitcode.Errorf(exitcode.Login, "put a new one in its place; if this machine's clock is wrong, set it",
		"%s: the token has ended %s ago (at %s)", from, time.Since(end).Round(time.Second), end.UTC().Format(time.RFC3339))
}
