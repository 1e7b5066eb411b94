// Package transport carries requests to one Infisical server as one identity.
// Only package client imports it, and knows what is asked for; it knows only how.
//
// A call is two steps: a [Request] is built first (what to ask) and its [Response]
// handled second ([Response.Handle]): anything but 2xx becomes an [APIError], and a
// 2xx body is decoded by the first expected key that it has. Between the two stand,
// from the outside in: the hard deadline of the whole operation (deadline.go), the
// token's life (tokens.go), the wait for the rate limit (ratelimit_gate.go; the headers
// that tell of it: ratelimit_headers.go), the retries of what may be asked twice
// (retry.go) and the end of a request whose answer does not begin
// (response_timeout.go). The answer is read in response_read.go and decoded in
// response_decode.go. A change, which is never sent twice, takes its own way through
// them (submit.go).
// Tokens come from a [TokenSource]: how one logs in is the client's business.
//
// A refusal is any answer other than 2xx. What the identity may not do is denied,
// credentials are denied at a login, a token is rejected, and what the server cannot
// do at all, for which it has no route ([ErrNoRoute]), is unsupported.
//
// Servers come with two sets of routes, current and legacy (profile.go). Which one
// answers is found out by asking, once, and again if a route vanishes.
//
// A [Transport] is safe for concurrent use; a Request and its Response belong to
// one goroutine. An operation begins with [Transport.Begin] or, for a change,
// [Transport.BeginWrite], in whose context all of its requests are sent.
package transport
