package devserver

import (
	"errors"
	"io"
	"net/http"

	"infisicalfs/internal/devserver/internal/fault"
)

// maxBody is the framework's limit of a request body.
const maxBody = 1 << 20

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client broke off, nobody listens
	}

	entry := s.log.arrived(r)
	rt, params := match(s.routes, r)
	if rt != nil {
		s.log.routed(entry, rt.pattern)
	}
	c := &call{s: s, r: r, route: rt, params: params, raw: body, entry: entry}

	f := s.faults.Take(r, body)
	if f == nil {
		c.send(w, c.answer(), 0)
		return
	}
	var sound *answer
	if f.After {
		sound = c.answer()
	}
	if !f.Suffer(r, s.closed) {
		fault.Reset(w)
		return
	}
	if f.Write != nil && f.Status == 0 {
		s.log.answered(entry, http.StatusOK)
		f.Write(w, r)
		return
	}
	c.send(w, spoil(f, sound, c.answer), f.Truncate)
}

func (c *call) send(w http.ResponseWriter, a *answer, truncate int) {
	c.s.log.answered(c.entry, a.status)
	a.send(w, c.r, truncate)
}

// answer handles the request and returns what a sound server would send. The
// order of the checks is the real one: no route, no token, body unreadable,
// rate limit (the first with x-ratelimit headers; in July 2024 before the body),
// validation, the rest.
func (c *call) answer() *answer {
	a := c.handle()
	a.tag(c.r)
	return a
}

func (c *call) handle() *answer {
	if c.route == nil {
		return routeMissing(c.r)
	}
	if f := c.authenticate(); f != nil {
		return c.s.failureAnswer(f)
	}
	if !c.july() {
		if a := c.readable(); a != nil {
			return a
		}
	}
	limits, limited := c.s.limiter.take(c.r, c.route)
	var a *answer
	if limited != nil {
		a = c.s.failureAnswer(limited)
	} else if a = c.readable(); a == nil {
		a = c.respond()
	}
	limits.write(a.header)
	return a
}

// readable reads query and body, and returns the answer to a body that cannot be
// read. Repeating it changes nothing.
func (c *call) readable() *answer {
	if len(c.raw) > maxBody {
		a := c.tooLarge()
		a.header.Set("Connection", "close")
		return a
	}
	if f := c.parse(); f != nil {
		return c.s.failureAnswer(f)
	}
	return nil
}

// respond runs the route's handler and saves what it changed.
func (c *call) respond() *answer {
	v, err := c.run()
	if c.changed { // a refusal can change something too
		if unsaved := c.s.save(); err == nil {
			err = unsaved
		}
	}
	if err == nil {
		return jsonAnswer(http.StatusOK, v)
	}
	var f *failure
	if !errors.As(err, &f) {
		f = broken("InternalServerError")
	}
	if c.goReads() {
		f = asGo(f)
	}
	return c.s.failureAnswer(f)
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
