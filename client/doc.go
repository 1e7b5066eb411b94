// Package client speaks Infisical's HTTP API: it is a [secret.Upstream] and a
// [secret.Writer].
//
//	c, err := client.New(client.Config{
//		URL:  "https://app.infisical.com",
//		Auth: client.UniversalAuth(clientID, clientSecret),
//	})
//	…
//	defer c.Close()
//	folder, err := c.Fetch(ctx, secret.Dir{Project: "demo", Env: "dev", Path: "/"}, nil)
//
// [New] does not talk to the server yet. [Client.Login] tells bad credentials from
// the start; without it the first request logs in. Each operation ends within
// [Config.Timeout], plus what it may wait for the rate limit. All methods are safe
// for concurrent use.
//
// Errors wrap the sentinels of package secret. An answer other than 2xx is an
// [APIError], which has the server's own words; what does not come from an Infisical
// API at all is an [AnswerError]. Whatever asks the server can fail with
//
//   - [secret.ErrUnauthenticated]: the credentials are not accepted, or no longer;
//   - [secret.ErrDenied]: they are, but this identity may not;
//   - [secret.ErrNotFound]: the server itself says that there is none;
//   - [secret.ErrRateLimited]: the limit is used up for longer than may be waited;
//   - [secret.ErrTimeout]: no answer within the deadline;
//   - [secret.ErrTooLarge]: an answer beyond [Config.MaxSecrets] or the bounds of memory;
//   - [secret.ErrUnavailable]: anything else that left the question open;
//
// or with the cause of ctx's end. What else a method can fail with is said there;
// those of [secret.Writer] are listed at that.
//
// The package knows what is asked for: folders, secrets, whole trees, projects, and
// changes of them; and the ways to log in. Below it are three that nobody else
// imports: internal/transport gets a request to the server and says what its answer
// means, internal/wire has the shapes of answers, internal/jsonstream reads them
// within bounds.
package client
