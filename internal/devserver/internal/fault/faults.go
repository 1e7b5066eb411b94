package fault

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault is something that goes wrong with some requests. The parts can be
// combined: first Delay passes, then Hang or Reset ends the matter, else Status
// answers, else Write does, else the real answer goes out, with Header added and
// its body as Rewrite makes it.
type Fault struct {
	Match func(*http.Request) bool // nil: every request; it may read the body
	Times int                      // how many requests it hits; 0: until removed
	Hit   func()                   // told of each request that it hits, before that suffers; removing it no longer spares that one

	Status int         // answer this instead; 0: the real answer
	Header http.Header // of the answer
	Body   string      // of the answer, with Status

	Rewrite func(body []byte) []byte                     // lies about what the real answer says
	Write   func(w http.ResponseWriter, r *http.Request) // says something that no answer of ours could; it must end when the client goes

	Delay    time.Duration // before anything is said
	Hang     bool          // say nothing until the client gives up, the fault is removed or the server closed
	Reset    bool          // cut the connection
	Truncate int           // cut the connection after so many bytes of the body; Content-Length promises all of it
	After    bool          // let the server act first, then spoil the answer
}

// List holds the faults in force.
type List struct {
	mu     sync.Mutex // guards active and the counters in it
	active []*Active
}

type Active struct {
	Fault
	left int           // meaningful when Times > 0
	gone chan struct{} // closed when the fault is removed
}

// Inject puts a fault in force until remove is called, which may be done more
// than once. Where several match a request, the oldest hits.
func (l *List) Inject(f Fault) (remove func()) {
	a := &Active{Fault: f, left: f.Times, gone: make(chan struct{})}
	l.add(a)
	return sync.OnceFunc(func() {
		l.remove(a)
		close(a.gone)
	})
}

func (l *List) add(a *Active) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = append(l.active, a)
}

func (l *List) remove(a *Active) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = slices.DeleteFunc(l.active, func(x *Active) bool { return x == a })
}

// Take returns the fault that hits a request, nil if none does. That a fault
// matches is not yet a hit: it may be removed, or used up, while Match runs.
func (l *List) Take(r *http.Request, body []byte) *Active {
	for _, a := range l.snapshot() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if (a.Match == nil || a.Match(r)) && l.use(a) {
			if a.Hit != nil {
				a.Hit()
			}
			return a
		}
	}
	return nil
}

func (l *List) snapshot() []*Active {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.active)
}

// use counts one hit. It reports false for a fault that others have used up or
// that was removed in the meantime.
func (l *List) use(a *Active) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.active, a) {
		return false
	}
	if a.Times == 0 {
		return true
	}
	a.left--
	if a.left == 0 {
		l.active = slices.DeleteFunc(l.active, func(x *Active) bool { return x == a })
	}
	return true
}

// Suffer waits as the fault wants, until closed is. It reports false when the
// connection is to be cut.
func (f *Active) Suffer(r *http.Request, closed <-chan struct{}) bool {
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return false
		case <-closed:
			return false
		}
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-f.gone:
		case <-closed:
		}
		return false
	}
	return !f.Reset
}

// Reset cuts the connection without an answer, with a TCP reset where there is
// a TCP connection.
func Reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // if it fails, the end is an ordinary one
	}
	conn.Close()
}
