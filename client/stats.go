package client

import "infisicalfs/client/internal/transport"

// Stats is what a client tells about itself. It holds no secret.
type Stats struct {
	transport.Stats
	Garbled int64 `json:"garbled"` // secrets in answers whose name or value could not be
}

// Stats returns the counts since the client was made.
func (c *Client) Stats() Stats { return Stats{c.server.Stats(), c.garbled.Load()} }
