package web

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
)

// Transport returns a RoundTripper that calls h in memory, without sockets. It
// is for tests in bubbles of testing/synctest, which cannot wait for sockets. It
// honours the contexts of requests. A handler that panics with
// http.ErrAbortHandler has cut the connection: before the header, the request
// fails with ECONNRESET; after it, reading the body ends in io.ErrUnexpectedEOF.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ h http.Handler }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		defer req.Body.Close()
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	in := req.Clone(req.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.RemoteAddr = "192.0.2.1:1234"
	in.RequestURI = req.URL.RequestURI()
	if in.Host == "" {
		in.Host = req.URL.Host
	}

	done := make(chan *recorder, 1)
	go func() { done <- record(t.h, in) }()
	select {
	case rec := <-done:
		return rec.response(req)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// recorder is the ResponseWriter of one request, and what became of it.
type recorder struct {
	status    int // 0: no header was written
	header    http.Header
	body      bytes.Buffer
	aborted   bool
	panicking any // a panic other than http.ErrAbortHandler
}

func record(h http.Handler, r *http.Request) (rec *recorder) {
	rec = &recorder{header: http.Header{}}
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			rec.aborted = true
		default:
			rec.panicking = p
		}
	}()
	h.ServeHTTP(rec, r)
	return rec
}

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
}

func (rec *recorder) Write(b []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(b)
}

func (rec *recorder) response(req *http.Request) (*http.Response, error) {
	if rec.panicking != nil {
		panic(rec.panicking) // where a test sees it
	}
	if rec.aborted && rec.status == 0 {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	rec.WriteHeader(http.StatusOK)
	resp := &http.Response{
		Status:     strconv.Itoa(rec.status) + " " + http.StatusText(rec.status),
		StatusCode: rec.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        rec.header,
		ContentLength: int64(rec.body.Len()),
		Body:          io.NopCloser(&rec.body),
		Request:       req,
	}
	if n, err := strconv.ParseInt(rec.header.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = n
	}
	if rec.aborted {
		resp.Body = io.NopCloser(io.MultiReader(&rec.body, brokenOff{}))
	}
	return resp, nil
}

// brokenOff is the end of a body that was to be longer.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
