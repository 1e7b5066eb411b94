package web

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"infisicalfs/internal/devserver/internal/fault"
)

// Answer is a complete response, before it goes out.
type Answer struct {
	Status int
	Header http.Header
	body   []byte
}

// JSON returns an answer whose body is v, encoded without a newline at the end.
func JSON(status int, v any) *Answer {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("devserver: cannot encode an answer: " + err.Error()) // our own types, a mistake of ours
	}
	a := &Answer{Status: status, Header: http.Header{}, body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
	a.Header.Set("Content-Type", "application/json; charset=utf-8")
	return a
}

// Tag gives the answer its ETag, a strong one made of the body's SHA-1, and
// turns it into a 304 when the client has that very string. It saves bytes
// only: the request was handled, and counted, in full.
func (a *Answer) Tag(r *http.Request) {
	sum := sha1.Sum(a.body)
	etag := `"` + base64.StdEncoding.EncodeToString(sum[:]) + `"`
	a.Header.Set("Etag", etag)
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("If-None-Match") == etag {
		a.Status, a.body = http.StatusNotModified, nil
	}
}

// Send writes the answer. With truncate > 0 it breaks off after that many bytes
// of the body, and the connection with it.
func (a *Answer) Send(w http.ResponseWriter, r *http.Request, truncate int) {
	h := w.Header()
	for k, v := range a.Header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.Status)
	if r.Method == http.MethodHead || a.Status == http.StatusNotModified {
		return
	}
	if truncate > 0 && truncate < len(a.body) {
		w.Write(a.body[:truncate]) // the client's trouble is the purpose
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(a.body) // a client that went away is no news
}

// Spoil makes the answer that goes out where f hit. sound is nil unless the server acted
// already; act makes it act.
func Spoil(f *fault.Active, sound *Answer, act func() *Answer) *Answer {
	a := sound
	if f.Status != 0 {
		a = &Answer{Status: f.Status, Header: http.Header{}, body: []byte(f.Body)}
		a.Header.Set("Content-Type", "application/json; charset=utf-8")
	} else if a == nil {
		a = act()
	}
	if f.Rewrite != nil && len(a.body) > 0 {
		a.body = f.Rewrite(a.body)
	}
	for k, v := range f.Header {
		a.Header[http.CanonicalHeaderKey(k)] = v
	}
	return a
}
