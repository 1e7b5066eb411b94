package web

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

// RequestLog keeps the requests in the order of their arrival.
type RequestLog struct {
	mu   sync.Mutex // guards list and what it points to
	list []*Request
}

// maxLog is when the older half of the log is forgotten.
const maxLog = 100_000

// All returns copies of the requests, in the order of their arrival.
func (l *RequestLog) All() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Request, len(l.list))
	for i, r := range l.list {
		out[i] = *r
	}
	return out
}

// Reset forgets the requests so far.
func (l *RequestLog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

// Arrived adds a request. The entry belongs to the log: only the methods change it.
func (l *RequestLog) Arrived(r *http.Request) *Request {
	e := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query()}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == maxLog {
		l.list = slices.Clone(l.list[maxLog/2:])
	}
	l.list = append(l.list, e)
	return e
}

// Routed notes the pattern of the route that was found.
func (l *RequestLog) Routed(e *Request, pattern string) { l.set(func() { e.Route = pattern }) }

// Identified notes who makes the request.
func (l *RequestLog) Identified(e *Request, name string) { l.set(func() { e.IdentityName = name }) }

// Answered notes the status that goes out.
func (l *RequestLog) Answered(e *Request, status int) { l.set(func() { e.Status = status }) }

func (l *RequestLog) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}
