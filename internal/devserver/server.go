package devserver

import (
	"errors"
	"io"
	"net/http"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/fault"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// maxBody is the framework's limit of a request body.
const maxBody = 1 << 20

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client broke off, nobody listens
	}

	entry := s.log.Arrived(r)
	rt, params := call.Match(s.routes, r)
	if rt != nil {
		s.log.Routed(entry, rt.Pattern)
	}
	x := &exchange{s: s, raw: body, entry: entry, call: &call.Call{
		Profile: s.profile, Request: r, Route: rt, Params: params, State: s.state, Tokens: s.tokens,
		Identified: func(name string) { s.log.Identified(entry, name) },
	}}

	f := s.faults.Take(r, body)
	if f == nil {
		x.send(w, x.answer(), 0)
		return
	}
	var sound *web.Answer
	if f.After {
		sound = x.answer()
	}
	if !f.Suffer(r, s.closed) {
		fault.Reset(w)
		return
	}
	if f.Write != nil && f.Status == 0 {
		s.log.Answered(entry, http.StatusOK)
		f.Write(w, r)
		return
	}
	x.send(w, web.Spoil(f, sound, x.answer), f.Truncate)
}

// exchange is a request and what the server needs to answer it.
type exchange struct {
	s     *Server
	call  *call.Call
	raw   []byte // the body as it came
	entry *Request
}

func (x *exchange) send(w http.ResponseWriter, a *web.Answer, truncate int) {
	x.s.log.Answered(x.entry, a.Status)
	a.Send(w, x.call.Request, truncate)
}

// answer handles the request and returns what a sound server would send. The
// order of the checks is the real one: no route, no token, body unreadable,
// rate limit (the first with x-ratelimit headers; in July 2024 before the body),
// validation, the rest.
func (x *exchange) answer() *web.Answer {
	a := x.handle()
	a.Tag(x.call.Request)
	return a
}

func (x *exchange) handle() *web.Answer {
	c := x.call
	if c.Route == nil {
		return web.RouteMissing(c.Request)
	}
	if f := x.authenticate(); f != nil {
		return x.failure(f)
	}
	if !c.July() {
		if a := x.readable(); a != nil {
			return a
		}
	}
	limits, limited := x.s.limiter.Take(c.Request, c.Route.Class, c.Route.Pattern)
	var a *web.Answer
	if limited != nil {
		a = x.failure(limited)
	} else if a = x.readable(); a == nil {
		a = x.respond()
	}
	limits.Write(a.Header)
	return a
}

func (x *exchange) failure(f *web.Failure) *web.Answer {
	return web.FailureAnswer(x.s.profile, f)
}

func (x *exchange) authenticate() *web.Failure {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	defer x.count()
	return x.call.Authenticate()
}

// readable reads query and body, and returns the answer to a body that cannot be
// read. Repeating it changes nothing.
func (x *exchange) readable() *web.Answer {
	if len(x.raw) > maxBody {
		a := web.TooLarge(x.s.profile)
		a.Header.Set("Connection", "close")
		return a
	}
	if f := x.call.Parse(x.raw); f != nil {
		return x.failure(f)
	}
	return nil
}

// respond runs the route's handler and saves what it changed.
func (x *exchange) respond() *web.Answer {
	v, err := x.run()
	if x.call.Changed { // a refusal can change something too
		if unsaved := x.s.save(); err == nil {
			err = unsaved
		}
	}
	if err == nil {
		return web.JSON(http.StatusOK, v)
	}
	var f *web.Failure
	if !errors.As(err, &f) {
		f = web.Broken("InternalServerError")
	}
	if x.call.GoReads() {
		f = web.AsGo(f)
	}
	return x.failure(f)
}

func (x *exchange) run() (any, error) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	defer x.count()
	x.call.Approvals = x.s.approvals
	x.call.Requested = func(a store.Approval) { x.s.requested = append(x.s.requested, a) }
	return x.call.Route.Handle(x.call)
}

// count counts a change of the state; the lock is held.
func (x *exchange) count() {
	if x.call.Changed || x.call.Touched {
		x.s.revision++
	}
	x.call.Touched = false
}
