package transport

import (
	"maps"
	"net/http"
	"sync"
	"time"
)

// Stats is what a transport tells about itself. It holds no secret.
type Stats struct {
	Server      string           `json:"server"`
	Routes      string           `json:"routes"` // unknown, current or legacy
	Auth        string           `json:"auth"`
	TokenEnds   time.Time        `json:"token_ends,omitzero"`   // zero: not known
	Requests    map[string]int64 `json:"requests"`              // by operation, repetitions included
	Total       int64            `json:"requests_total"`        // all of them
	Failed      int64            `json:"requests_failed"`       // no answer, or 5xx
	Unanswered  int64            `json:"requests_unanswered"`   // of the failed: no answer
	Denied      int64            `json:"requests_denied"`       // 401 and 403
	Limited     int64            `json:"requests_rate_limited"` // refused for the rate limit
	NotModified int64            `json:"not_modified"`
	LastAnswer  time.Time        `json:"last_answer,omitzero"` // that is none of the failed, denied and limited; zero: never
	RateWaits   int64            `json:"rate_waits"`           // times that a request found the rate limit reached
	Logins      Logins           `json:"logins"`
}

// Logins counts attempts to log in, by what came of them. Renewals of a token are none.
type Logins struct {
	Succeeded int64 `json:"succeeded"`
	Refused   int64 `json:"refused"` // the server does not accept the credentials
	Failed    int64 `json:"failed"`  // it was not found out whether it does, or there are no credentials at the moment
}

// Stats returns the counts since the transport was made.
func (t *Transport) Stats() Stats {
	s := t.counts.snapshot()
	s.Server, s.Routes = t.Address(), t.Profile.Routes().String()
	s.Auth, s.TokenEnds, s.Logins = t.tokens.describe()
	t.gate.mu.Lock()
	s.RateWaits = t.gate.waits
	t.gate.mu.Unlock()
	return s
}

type counts struct {
	mu sync.Mutex // guards all below
	Stats
	skew time.Duration // of the server's clock, by its last answer
}

// Skew is how far the server's clock is before this machine's, to a second, by its last
// answer. What a second's rounding and the way of an answer explain is none.
func (t *Transport) Skew() time.Duration {
	t.counts.mu.Lock()
	defer t.counts.mu.Unlock()
	if t.counts.skew.Abs() <= 2*time.Second {
		return 0
	}
	return t.counts.skew
}

func (c *counts) add(op string, answer *Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Requests == nil {
		c.Requests = map[string]int64{}
	}
	c.Requests[op]++
	c.Total++
	if answer == nil {
		c.Failed++
		c.Unanswered++
		return
	}
	if date, err := http.ParseTime(answer.header.Get("Date")); err == nil {
		c.skew = time.Until(date).Round(time.Second)
	}
	switch {
	case isRateLimited(answer) || answer.status == http.StatusTooManyRequests:
		c.Limited++
	case answer.status >= 500:
		c.Failed++
	case answer.status == http.StatusUnauthorized || answer.status == http.StatusForbidden:
		c.Denied++
	case answer.fault == nil:
		c.LastAnswer = time.Now()
		if answer.NotModified() {
			c.NotModified++
		}
	}
}

func (c *counts) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.Stats
	s.Requests = maps.Clone(c.Requests)
	return s
}
