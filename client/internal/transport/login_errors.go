package transport

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"infisicalfs/secret"
)

// ErrUnproven is an internal error of the server where it should have judged a login: whoever
// it asked, a cloud, refuses or could not be asked. That is not known, so a token that
// still works is kept.
var ErrUnproven = fmt.Errorf("the server could not have the login confirmed: %w", secret.ErrUnauthenticated)

// Pausing is the failure of a login that cost others something, so that it is not tried
// again at once.
type Pausing struct{ Err error }

func (p Pausing) Error() string { return p.Err.Error() }

func (p Pausing) Unwrap() error { return p.Err }

// pauses reports whether a failed login is waited after: the server or somebody
// else was asked in vain. Reading a token again costs nobody anything.
func pauses(err error) bool {
	var refusal *APIError
	var pausing Pausing
	return errors.As(err, &pausing) || errors.As(err, &refusal) && errors.Is(err, secret.ErrUnauthenticated)
}

// isLockedOut reports whether the server says that it takes no login of this
// identity for a while, whether right or wrong.
func isLockedOut(err error) bool {
	var refusal *APIError
	return errors.As(err, &refusal) && strings.Contains(refusal.Message, "temporarily locked")
}

// ErrLockedOut is a refusal of every login of an identity for a while, whether right or wrong,
// because too many were wrong. It wraps [secret.ErrUnauthenticated].
var ErrLockedOut = fmt.Errorf("logins are locked for a while: %w", secret.ErrUnauthenticated)

// ErrNoMethod is the refusal of a method of logging in, whatever is shown: the server does not
// have it, or it is not set up for the identity. It wraps [secret.ErrUnauthenticated].
var ErrNoMethod = fmt.Errorf("no login by this method: %w", secret.ErrUnauthenticated)

// loginKind is what a refused login means beyond its status, nil if nothing. The server has
// nothing but words for it.
func loginKind(refusal *APIError) error {
	switch {
	case isLockedOut(refusal):
		return ErrLockedOut
	case refusal.Status == http.StatusNotFound && strings.Contains(refusal.Message, "auth method not found for identity"):
		return ErrNoMethod
	}
	return nil
}

// ErrAlert is an alert with which the other side ends TLS, most often a handshake. It wraps
// [secret.ErrUnavailable].
var ErrAlert = fmt.Errorf("the server broke off TLS: %w", secret.ErrUnavailable)

// RefusedByPeer reports whether the other side ended the TLS handshake with an alert, as
// it does if it does not accept a client's certificate.
func RefusedByPeer(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
