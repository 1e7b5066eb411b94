package devserver

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRateLimit2024(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTester(t, Config{Profile: Y2024, RateLimit: DefaultRateLimit(Y2024)}, "admin")
		list := "/api/v3/secrets/raw?environment=dev&workspaceId=" + c.project()
		for i := range 40 {
			r := c.do("GET", list, nil).is(200, "")
			require.Equal(t, strconv.Itoa(39-i), r.header.Get("X-Ratelimit-Remaining"))
			require.Equal(t, "60", r.header.Get("X-Ratelimit-Reset"))
		}
		time.Sleep(20 * time.Second)
		for range 3 { // asking does not lengthen it
			r := c.do("GET", list, nil).is(500, "InternalServerError")
			require.Equal(t, "40", r.header.Get("Retry-After"))
			require.Equal(t, "0", r.header.Get("X-Ratelimit-Remaining"))
		}
		c.do("GET", "/api/v3/secrets/raw/GREETING?environment=dev&workspaceId="+c.project(), nil).is(200, "") // a window of its own
		elsewhere := c.request("GET", list, nil)
		elsewhere.Header.Set("X-Forwarded-For", "198.51.100.7, 192.0.2.1")
		c.send(elsewhere).is(200, "")
		(&tester{t: t, s: c.s}).do("GET", list, nil).is(401, "UnauthorizedError") // not counted
		time.Sleep(40 * time.Second)
		c.do("GET", list, nil).is(200, "")
	})
}

func TestRateLimitCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTester(t, Config{RateLimit: RateLimit{Secret: 3, Window: 10 * time.Second}}, "admin")
		c.list().is(200, "")
		c.get("GREETING").is(200, "")
		c.do("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "x")).is(200, "")
		r := c.list().is(429, "RateLimitExceeded")
		require.Equal(t, "10", r.header.Get("Retry-After"))
		require.Contains(t, r.body["message"], "10 seconds")
		r = c.do("GET", "/api/v1/projects", nil).is(200, "")
		require.Empty(t, r.header.Get("X-Ratelimit-Limit"), "another class, without a limit")
		time.Sleep(10 * time.Second)
		c.list().is(200, "")
	})
}

// What one request too many is told changed twice in 2024. The sentence of 22
// October is recorded, with 51 seconds left of the minute.
func TestRefusalsOfTheRateLimitIn2024(t *testing.T) {
	for _, row := range []struct {
		profile Profile
		says429 bool
		limit   int
		status  int
		name    string
		message string
	}{
		{July2024, false, 60, 429, "Too Many Requests", "Rate limit exceeded, retry in 1 minute"},
		{Y2024, false, 40, 500, "InternalServerError", "Something went wrong"},
		{Y2024, true, 40, 429, "RateLimitExceeded", "Rate limit exceeded. Please try again in 1 minute"},
	} {
		synctest.Test(t, func(t *testing.T) {
			limit := DefaultRateLimit(row.profile)
			limit.Says429 = row.says429
			c := newTester(t, Config{Profile: row.profile, RateLimit: limit}, "admin")
			list := "/api/v3/secrets/raw?environment=dev&workspaceId=" + c.project()
			for range row.limit {
				c.do("GET", list, nil).is(200, "")
				time.Sleep(9 * time.Second / time.Duration(row.limit))
			}
			r := c.do("GET", list, nil).is(row.status, row.name)
			require.Equal(t, row.message, r.body["message"])
			require.Equal(t, "51", r.header.Get("Retry-After"))
			require.Equal(t, "0", r.header.Get("X-Ratelimit-Remaining"))
		})
	}
}
