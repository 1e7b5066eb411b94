package client

import "infisicalfs/client/internal/transport"

// APIError is a refusal by the server, in its own words. It wraps the sentinel
// of package secret that says what the refusal means.
type APIError = transport.APIError

// AnswerError is an answer that does not come from an Infisical API: not JSON,
// or cut off. It wraps [secret.ErrUnavailable].
type AnswerError = transport.AnswerError
