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
// for concurrent use. Their errors wrap the sentinels of package secret; a refusal
// in the server's own words is an [APIError], and what does not come from an
// Infisical API at all an [AnswerError].
//
// The package knows what is asked for: folders, secrets, whole trees, projects, and
// changes of them; and the ways to log in. Below it are three that nobody else
// imports: internal/transport gets a request to the server and says what its answer
// means, internal/wire has the shapes of answers, internal/jsonstream reads them
// within bounds.
package client
