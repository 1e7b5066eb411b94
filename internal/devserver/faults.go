package devserver

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

// faultList holds the faults in force.
type faultList struct {
	mu     sync.Mutex // guards active and the counters in it
	active []*activeFault
}

type activeFault struct {
	Fault
	left int           // meaningful when Times > 0
	gone chan struct{} // closed when the fault is removed
}

// Inject puts a fault in force until remove is called, which may be done more
// than once. Where several match a request, the oldest hits.
func (s *Server) Inject(f Fault) (remove func()) {
	a := &activeFault{Fault: f, left: f.Times, gone: make(chan struct{})}
	s.faults.add(a)
	return sync.OnceFunc(func() {
		s.faults.remove(a)
		close(a.gone)
	})
}

func (l *faultList) add(a *activeFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = append(l.active, a)
}

func (l *faultList) remove(a *activeFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = slices.DeleteFunc(l.active, func(x *activeFault) bool { return x == a })
}

// take returns the fault that hits a request, nil if none does.
func (l *faultList) take(r *http.Request, body []byte) *activeFault {
	for _, a := range l.snapshot() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if (a.Match == nil || a.Match(r)) && l.use(a) {
			return a
		}
	}
	return nil
}

func (l *faultList) snapshot() []*activeFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.active)
}

// use counts one hit. It reports false for a fault that others have used up or
// that was removed in the meantime.
func (l *faultList) use(a *activeFault) bool {
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
		l.active = slices.DeleteFunc(l.active, func(x *activeFault) bool { return x == a })
	}
	return true
}

// suffer waits as the fault wants. It reports false when the connection is to be cut.
func (s *Server) suffer(f *activeFault, r *http.Request) bool {
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return false
		case <-s.closed:
			return false
		}
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-f.gone:
		case <-s.closed:
		}
		return false
	}
	return !f.Reset
}

// spoil makes the answer that goes out. sound is nil unless the server acted
// already; act makes it act.
func (f *activeFault) spoil(sound *answer, act func() *answer) *answer {
	a := sound
	if f.Status != 0 {
		a = &answer{status: f.Status, header: http.Header{}, body: []byte(f.Body)}
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	} else if a == nil {
		a = act()
	}
	if f.Rewrite != nil && len(a.body) > 0 {
		a.body = f.Rewrite(a.body)
	}
	for k, v := range f.Header {
		a.header[http.CanonicalHeaderKey(k)] = v
	}
	return a
}

// reset cuts the connection without an answer, with a TCP reset where there is
// a TCP connection.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // if it fails, the end is an ordinary one
	}
	conn.Close()
}
