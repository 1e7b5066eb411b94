package cloudtest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
)

// ErrRefused is what a [World] answers at addresses where it has nothing.
var ErrRefused = errors.New("connection refused")

// World is a machine's surroundings. The zero World has nothing: all connections are
// refused. Fields are set before the first request.
type World struct {
	AWS       *AWS
	GCP       *GCP
	Azure     *Azure
	Container *Container
	STS       *STS
	Authority *Authority
	// Silent addresses take connections and never answer.
	Silent map[string]bool
	// Portal answers at all addresses where there is nothing else, as the networks of
	// hotels do.
	Portal bool

	mu  sync.Mutex // guards log
	log []string
}

// Requests returns what was asked so far, as "METHOD host/path", oldest first.
func (w *World) Requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.log...)
}

func (w *World) note(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, r.Method+" "+r.Host+r.URL.Path)
}

// RoundTrip implements [http.RoundTripper].
func (w *World) RoundTrip(r *http.Request) (*http.Response, error) {
	served := r.Clone(r.Context())
	if served.Host == "" {
		served.Host = r.URL.Host
	}
	if served.Body == nil {
		served.Body = http.NoBody
	}
	w.note(served)
	if w.Silent[served.Host] {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	handler := w.at(served)
	if handler == nil && w.Portal {
		handler = portal
	}
	if handler == nil {
		return nil, ErrRefused
	}
	recorder := httptest.NewRecorder()
	handler(recorder, served)
	if err := r.Context().Err(); err != nil { // an answer that comes too late
		return nil, err
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// ServeHTTP implements [http.Handler]: what is asked is told by path and headers alone.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.note(r)
	if handler := w.byPath(r); handler != nil {
		handler(rw, r)
		return
	}
	portal(rw, r)
}

func portal(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.Write([]byte("<html>Welcome to the hotel</html>"))
}

// at returns who answers at the request's host.
func (w *World) at(r *http.Request) http.HandlerFunc {
	switch r.Host {
	case "169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal":
		return w.byPath(r)
	case "169.254.170.2", "169.254.170.23":
		if w.Container != nil {
			return w.Container.serve
		}
	case "login.microsoftonline.com":
		if w.Authority != nil {
			return w.Authority.serve
		}
	default:
		if w.STS != nil && isSTS(r.Host) {
			return w.STS.serve
		}
	}
	return nil
}

func (w *World) byPath(r *http.Request) http.HandlerFunc {
	switch path := r.URL.Path; {
	case w.AWS != nil && hasAnyPrefix(path, "/latest/"):
		return w.AWS.serve
	case w.GCP != nil && hasAnyPrefix(path, "/computeMetadata/"):
		return w.GCP.serve
	case w.Azure != nil && hasAnyPrefix(path, "/metadata/", "/msi/"):
		return w.Azure.serve
	case w.Container != nil && hasAnyPrefix(path, "/v2/credentials"):
		return w.Container.serve
	case w.Authority != nil && hasAnyPrefix(path, "/"+w.Authority.Tenant+"/"):
		return w.Authority.serve
	case w.STS != nil && path == "/":
		return w.STS.serve
	}
	return nil
}
