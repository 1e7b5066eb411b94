package web

import (
	"maps"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Class is the group that shares a rate limit.
type Class string

const (
	Unlimited     Class = ""
	ReadClass     Class = "read"
	WriteClass    Class = "write"
	SecretClass   Class = "secret"
	CreationClass Class = "creation"
)

// RateLimit says how many requests one client address may make in a window. A
// window is fixed: it starts with the first request and asking while limited
// does not lengthen it. Zero limits nothing.
//
// On a server of 2024 every route and method has a window of its own. Going
// beyond it is status 500 with Retry-After from about September 2024, because
// the error handler hides what it was, until 19 October (see Says429), and the
// framework's 429 before. On a current server the routes of a class share one
// window, and it is status 429 RateLimitExceeded.
type RateLimit struct {
	Read     int           // folder and import lists, projects
	Write    int           // logins and other writes
	Secret   int           // everything about secrets, writing folders and imports
	Creation int           // projects
	Window   time.Duration // zero: one minute

	// Says429 makes the profile Y2024 answer as servers since 19 October 2024 do:
	// 429 RateLimitExceeded instead of 500.
	Says429 bool
}

// DefaultRateLimit is what a self-hosted server of that profile has; current ones
// have none until somebody sets one, and this is what the oldest of them had.
func DefaultRateLimit(p Profile) RateLimit {
	l := RateLimit{Read: 60, Write: 200, Secret: 60, Creation: 30}
	if p == Y2024 {
		l.Secret = 40
	}
	return l
}

func (l RateLimit) of(c Class) int {
	switch c {
	case ReadClass:
		return l.Read
	case WriteClass:
		return l.Write
	case SecretClass:
		return l.Secret
	case CreationClass:
		return l.Creation
	}
	return 0
}

// Limiter counts requests by client address. It is safe for concurrent use.
type Limiter struct {
	limit   RateLimit
	profile Profile

	mu      sync.Mutex // guards windows
	windows map[string]*window
}

type window struct {
	ends time.Time
	used int
}

// NewLimiter returns a limiter without requests yet.
func NewLimiter(l RateLimit, p Profile) *Limiter {
	if l.Window == 0 {
		l.Window = time.Minute
	}
	return &Limiter{limit: l, profile: p, windows: map[string]*window{}}
}

// Limits is what the x-ratelimit headers say. The zero value says nothing.
type Limits struct {
	limit, remaining int
	reset            time.Duration
	limited          bool
}

// Write puts the limits into the header of an answer.
func (l Limits) Write(h http.Header) {
	if l.limit == 0 {
		return
	}
	reset := strconv.Itoa(int(math.Ceil(l.reset.Seconds())))
	h.Set("X-Ratelimit-Limit", strconv.Itoa(l.limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(l.remaining))
	h.Set("X-Ratelimit-Reset", reset)
	if l.limited {
		h.Set("Retry-After", reset)
	}
}

// Take counts one request to the route of that class and pattern. The failure is
// not nil when the request is one too many.
func (l *Limiter) Take(r *http.Request, c Class, pattern string) (Limits, *Failure) {
	n := l.limit.of(c)
	if n == 0 {
		return Limits{}, nil
	}
	key := clientAddress(r) + " " + string(c)
	if l.profile.Old() {
		key = clientAddress(r) + " " + r.Method + " " + pattern
	}
	used, left := l.count(key, time.Now())
	if used <= n {
		return Limits{limit: n, remaining: n - used, reset: left}, nil
	}
	out := Limits{limit: n, reset: left, limited: true}
	return out, l.refusal(left)
}

// refusal is what one request too many is told. Current servers name the rest of
// the window, those of 2024 its length.
func (l *Limiter) refusal(left time.Duration) *Failure {
	const tooMany = http.StatusTooManyRequests
	seconds := int(math.Ceil(left.Seconds()))
	window := inWords(int(l.limit.Window.Seconds()))
	switch {
	case l.profile == July2024:
		return Fail(tooMany, "Too Many Requests", "Rate limit exceeded, retry in %s", window)
	case l.profile == Y2024 && !l.limit.Says429:
		return Broken("InternalServerError")
	case l.profile == Y2024:
		return Fail(tooMany, "RateLimitExceeded", "Rate limit exceeded. Please try again in %s", window)
	}
	return Fail(tooMany, "RateLimitExceeded", "Rate limit exceeded. Please try again in %d seconds", seconds)
}

// inWords is a time as the framework writes it, in whole minutes from one minute on.
func inWords(seconds int) string {
	n, unit := seconds, "second"
	if seconds >= 60 {
		n, unit = (seconds+30)/60, "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return strconv.Itoa(n) + " " + unit
}

func (l *Limiter) count(key string, now time.Time) (used int, left time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[key]
	if w == nil && len(l.windows) >= 1000 { // many addresses: drop the windows that are over
		maps.DeleteFunc(l.windows, func(_ string, w *window) bool { return !now.Before(w.ends) })
	}
	if w == nil || !now.Before(w.ends) {
		w = &window{ends: now.Add(l.limit.Window)}
		l.windows[key] = w
	}
	w.used++
	return w.used, w.ends.Sub(now)
}

// clientAddress is what a proxy says, else the peer's address without the port.
func clientAddress(r *http.Request) string {
	for _, h := range []string{"Cf-Connecting-Ip", "X-Real-Ip", "X-Forwarded-For"} {
		if first, _, _ := strings.Cut(r.Header.Get(h), ","); first != "" {
			return strings.TrimSpace(first)
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
