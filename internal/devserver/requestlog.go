package devserver

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// Request is what a server remembers of a request: never a body or a header.
type Request struct {
	Method, Path string
	Query        url.Values
	Route        string // the pattern, such as /api/v4/secrets/:secretName; empty: no route
	Status       int    // 0: not answered yet, or never
	IdentityName string // "user" for the user; empty: not logged in
}

// requestLog keeps the requests in the order of their arrival.
type requestLog struct {
	mu   sync.Mutex // guards list and what it points to
	list []*Request
}

// maxLog is when the older half of the log is forgotten.
const maxLog = 100_000

// Requests returns the requests since the start, or the last ResetRequests, in
// the order of their arrival, from which they count. Of very many only the
// latest 50 000 or more are kept.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	out := make([]Request, len(s.log.list))
	for i, r := range s.log.list {
		out[i] = *r
	}
	return out
}

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.list = nil
}

func (l *requestLog) arrived(r *http.Request) *Request {
	e := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query()}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == maxLog {
		l.list = slices.Clone(l.list[maxLog/2:])
	}
	l.list = append(l.list, e)
	return e
}

func (l *requestLog) routed(e *Request, pattern string) { l.set(func() { e.Route = pattern }) }

func (l *requestLog) identified(e *Request, name string) { l.set(func() { e.IdentityName = name }) }

func (l *requestLog) answered(e *Request, status int) { l.set(func() { e.Status = status }) }

func (l *requestLog) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}
