package transport

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"time"
)

// budget is what an answer's x-ratelimit headers say.
type budget struct {
	limit, remaining int
	left             time.Duration // of the window
}

// budgetOf reads the x-ratelimit headers; not ok: there are none that make sense.
func budgetOf(h http.Header, now time.Time) (b budget, ok bool) {
	var errLimit, errRemaining error
	b.limit, errLimit = strconv.Atoi(h.Get("X-Ratelimit-Limit"))
	b.remaining, errRemaining = strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
	b.left, ok = seconds(h.Get("X-Ratelimit-Reset"), now)
	return b, ok && errLimit == nil && errRemaining == nil && b.limit > 0
}

// isRateLimited recognises the refusal in both its forms: servers of 2024 hide
// the 429 behind a 500, and only the headers give it away.
func isRateLimited(r *Response) bool {
	return r.status == http.StatusTooManyRequests && !isCollision(r) ||
		r.status == http.StatusInternalServerError && r.header.Get("Retry-After") != "" && r.header.Get("X-Ratelimit-Remaining") == "0"
}

// isCollision recognises what looks like the rate limit and is none: several
// logins of one client at the same moment. The server did nothing, and the login
// may be repeated. Only the words tell.
func isCollision(r *Response) bool {
	return r.status == http.StatusTooManyRequests && bytes.Contains(r.body, []byte("Failed to acquire lock"))
}

// retryAfter reads how long to wait after a refusal: seconds, or a date by the
// server's clock. It is a second at least, or a server that says zero would be
// asked in a tight loop; without a word of it, the whole window.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "X-Ratelimit-Reset"} {
		if d, ok := seconds(h.Get(name), now); ok {
			return max(d, time.Second)
		}
		if at, err := http.ParseTime(h.Get(name)); err == nil {
			if said, err := http.ParseTime(h.Get("Date")); err == nil {
				now = said
			}
			return bounded(at.Sub(now).Seconds())
		}
	}
	return window
}

// seconds reads a header that counts them. Some gateways send a Unix time.
func seconds(text string, now time.Time) (time.Duration, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < 0 {
		return 0, false
	}
	if n > 1e9 {
		n -= float64(now.Unix())
	}
	if n == 0 {
		return 0, true
	}
	return bounded(n), true
}

// longestWait is how long the server's word, or a proxy's in its place, can keep
// us from asking. Servers count in windows of a minute.
const longestWait = 5 * time.Minute

// bounded keeps a foreign number of seconds between one and [longestWait].
func bounded(n float64) time.Duration {
	return time.Duration(min(max(n, 1), longestWait.Seconds()) * float64(time.Second))
}
