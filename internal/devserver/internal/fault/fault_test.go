package fault

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

func TestTheOldestFaultHits(t *testing.T) {
	var l List
	first := l.Inject(Fault{Status: 500, Times: 2})
	second := l.Inject(Fault{Status: 503})
	for _, want := range []int{500, 500, 503, 503} {
		require.Equal(t, want, l.Take(get("/"), nil).Status)
	}
	second()
	second() // more than once
	first()
	require.Nil(t, l.Take(get("/"), nil))
}

func TestAMatchMayReadTheBody(t *testing.T) {
	var l List
	for range 2 {
		l.Inject(Fault{Match: func(r *http.Request) bool {
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			return string(body) == "hit"
		}, Times: 1})
	}
	require.Nil(t, l.Take(get("/"), []byte("miss")))
	require.NotNil(t, l.Take(get("/"), []byte("hit")))
	require.NotNil(t, l.Take(get("/"), []byte("hit")), "each reads it from the beginning")
	require.Nil(t, l.Take(get("/"), []byte("hit")))
}

// Who has heard of a hit may remove the fault at once: the request suffers it all
// the same. Who has only seen it match has not heard of a hit.
func TestAHitIsFinal(t *testing.T) {
	var l List
	var remove func()
	remove = l.Inject(Fault{Hang: true, Hit: func() { remove() }})
	f := l.Take(get("/"), nil)
	require.NotNil(t, f)
	require.False(t, f.Suffer(get("/"), nil), "the server does not act")

	hits := 0
	remove = l.Inject(Fault{Match: func(*http.Request) bool { remove(); return true }, Hit: func() { hits++ }})
	require.Nil(t, l.Take(get("/"), nil))
	require.Zero(t, hits, "removed while it matched")

	inner := false
	l.Inject(Fault{Times: 1, Hit: func() { hits++ }, Match: func(*http.Request) bool {
		if !inner {
			inner = true
			require.NotNil(t, l.Take(get("/"), nil), "another request is faster")
		}
		return true
	}})
	require.Nil(t, l.Take(get("/"), nil))
	require.Equal(t, 1, hits, "used up while it matched")
}

func TestWhatEndsAHang(t *testing.T) {
	for what, end := range map[string]func(closeServer, remove func()){
		"the server is closed": func(closeServer, _ func()) { closeServer() },
		"the fault is removed": func(_, remove func()) { remove() },
	} {
		synctest.Test(t, func(t *testing.T) {
			var l List
			remove := l.Inject(Fault{Hang: true})
			closed := make(chan struct{})
			f := l.Take(get("/"), nil)
			began := time.Now()
			time.AfterFunc(time.Minute, func() { end(func() { close(closed) }, remove) })
			require.False(t, f.Suffer(get("/"), closed), what)
			require.Equal(t, time.Minute, time.Since(began), what)
		})
	}
}

func TestADelayPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			fault Fault
			goes  bool
		}{{Fault{Delay: time.Second}, true}, {Fault{Delay: time.Second, Reset: true}, false}} {
			var l List
			l.Inject(c.fault)
			began := time.Now()
			require.Equal(t, c.goes, l.Take(get("/"), nil).Suffer(get("/"), nil))
			require.Equal(t, time.Second, time.Since(began))
		}
	})
}
