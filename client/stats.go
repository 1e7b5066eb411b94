package client

import (
	"maps"
	"sync"
	"time"
)

// Stats is what a client tells about itself. It holds no secret.
type Stats struct {
	Server      string           `json:"server"`
	Routes      string           `json:"routes"` // unknown, current or legacy
	Auth        string           `json:"auth"`
	TokenEnds   time.Time        `json:"token_ends,omitzero"` // zero: not known
	Requests    map[string]int64 `json:"requests"`            // by operation, repetitions included
	Total       int64            `json:"requests_total"`
	Failed      int64            `json:"requests_failed"` // no answer, or 5xx
	NotModified int64            `json:"not_modified"`
	RateWaits   int64            `json:"rate_waits"` // times that a request found the rate limit reached
	Garbled     int64            `json:"garbled"`    // secrets in answers whose name or value could not be
}

// Stats returns the counts since the client was made.
func (c *Client) Stats() Stats {
	s := c.counts.snapshot()
	s.Server, s.Routes = c.Server(), c.generation.get().String()
	s.Auth, s.TokenEnds = c.tokens.describe()
	c.gate.mu.Lock()
	s.RateWaits = c.gate.waits
	c.gate.mu.Unlock()
	return s
}

type counts struct {
	mu sync.Mutex // guards stats
	Stats
}

func (c *counts) add(op string, answer *response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Requests == nil {
		c.Requests = map[string]int64{}
	}
	c.Requests[op]++
	c.Total++
	switch {
	case answer == nil || answer.status >= 500:
		c.Failed++
	case answer.notModified():
		c.NotModified++
	}
}

func (c *counts) addGarbled(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Garbled += int64(n)
}

func (c *counts) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.Stats
	s.Requests = maps.Clone(c.Requests)
	return s
}
