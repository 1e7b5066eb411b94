// Package client speaks Infisical's HTTP API and is a [secret.Upstream].
//
// A call is two steps: a request is built first (what to ask, [request]) and
// its answer handled second ([response.handle]): anything but 2xx becomes an
// [APIError], and a 2xx body is decoded by the first expected key that it has.
// Between the two stand, from the outside in: the hard deadline of the whole
// operation (deadline.go), the token's life (token.go), the rate gate (gate.go)
// and the retries of what may be asked twice (retry.go).
//
// Servers come in two generations, current and legacy (generation.go). Which
// one answers is found out by asking, once, and again if a route vanishes.
package client
