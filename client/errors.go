package client

import (
	"errors"

	"infisicalfs/client/internal/transport"
)

// APIError is a refusal by the server, in its own words. It wraps the sentinel
// of package secret that says what the refusal means.
type APIError = transport.APIError

// AnswerError is an answer that does not come from an Infisical API: not JSON,
// or cut off. It wraps [secret.ErrUnavailable].
type AnswerError = transport.AnswerError

// ErrUnknownProject: a server of 2024 stumbled over a project that was asked for
// alone, which it does over those that it does not have. That is enough to tell
// whoever named the project, and no proof that there is none: it wraps what else
// a failure wraps, and never [secret.ErrNotFound].
var ErrUnknownProject = errors.New("it stumbles so over those that it does not have")

// ErrNoProjectList: the server does not list this identity its projects, which
// those before mid-2025 do only by the organisation's id. It comes together with
// [secret.ErrDenied].
var ErrNoProjectList = errors.New("without the id of its organisation it lists no projects to this identity")

// ErrAlert is an alert with which the other side ends TLS, most often a handshake in which
// it wants another client certificate. It wraps [secret.ErrUnavailable].
var ErrAlert = transport.ErrAlert

// ErrLockedOut is a refusal of every login of an identity for a while, because too many were
// wrong. It wraps [secret.ErrUnauthenticated].
var ErrLockedOut = transport.ErrLockedOut

// ErrNoMethod is the refusal of a method of logging in, whatever is shown: the server does not
// have it, or it is not set up for the identity. It wraps [secret.ErrUnauthenticated].
var ErrNoMethod = transport.ErrNoMethod
