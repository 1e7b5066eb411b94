package devserver

import (
	"errors"
	"io"
	"net/http"

	"infisicalfs/internal/devserver/internal/fault"
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
	rt, params := match(s.routes, r)
	if rt != nil {
		s.log.Routed(entry, rt.pattern)
	}
	c := &call{s: s, r: r, route: rt, params: params, raw: body, entry: entry}

	f := s.faults.Take(r, body)
	if f == nil {
		c.send(w, c.answer(), 0)
		return
	}
	var sound *web.Answer
	if f.After {
		sound = c.answer()
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
	c.send(w, web.Spoil(f, sound, c.answer), f.Truncate)
}

func (c *call) send(w http.ResponseWriter, a *web.Answer, truncate int) {
	c.s.log.Answered(c.entry, a.Status)
	a.Send(w, c.r, truncate)
}

// answer handles the request and returns what a sound server would send. The
// order of the checks is the real one: no route, no token, body unreadable,
// rate limit (the first with x-ratelimit headers; in July 2024 before the body),
// validation, the rest.
func (c *call) answer() *web.Answer {
	a := c.handle()
	a.Tag(c.r)
	return a
}

func (c *call) handle() *web.Answer {
	if c.route == nil {
		return web.RouteMissing(c.r)
	}
	if f := c.authenticate(); f != nil {
		return web.FailureAnswer(c.s.profile, f)
	}
	if !c.july() {
		if a := c.readable(); a != nil {
			return a
		}
	}
	limits, limited := c.s.limiter.Take(c.r, c.route.class, c.route.pattern)
	var a *web.Answer
	if limited != nil {
		a = web.FailureAnswer(c.s.profile, limited)
	} else if a = c.readable(); a == nil {
		a = c.respond()
	}
	limits.Write(a.Header)
	return a
}

// readable reads query and body, and returns the answer to a body that cannot be
// read. Repeating it changes nothing.
func (c *call) readable() *web.Answer {
	if len(c.raw) > maxBody {
		a := web.TooLarge(c.s.profile)
		a.Header.Set("Connection", "close")
		return a
	}
	if f := c.parse(); f != nil {
		return web.FailureAnswer(c.s.profile, f)
	}
	return nil
}

// respond runs the route's handler and saves what it changed.
func (c *call) respond() *web.Answer {
	v, err := c.run()
	if c.changed { // a refusal can change something too
		if unsaved := c.s.save(); err == nil {
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
	if c.goReads() {
		f = web.AsGo(f)
	}
	return web.FailureAnswer(c.s.profile, f)
}

func (c *call) run() (any, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	v, err := c.route.handle(c)
	if c.changed {
		c.s.revision++
	}
	return v, err
}
