// Package client speaks Infisical's HTTP API and is a [secret.Upstream] and a
// [secret.Writer].
//
// It knows what is asked for: folders, secrets, whole trees, projects, and changes
// of them. How a request gets to the server and what its answer means is the
// business of package client/internal/transport, with its deadlines, tokens, rate
// gate and retries; answers are read by client/internal/jsonstream, within bounds.
//
// [New] makes a [Client] without talking to the server. [Client.Login] tells bad
// credentials from the start; without it the first request logs in. Each operation
// ends within [Config.Timeout], and what it waits for the rate limit on top. All
// methods are safe for concurrent use. Their errors wrap the sentinels of package
// secret; a refusal in the server's own words is an [APIError].
package client
