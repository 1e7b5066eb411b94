package devserver

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"infisicalfs/internal/devserver/internal/fault"
)

// answer is a complete response, before it goes out.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func jsonAnswer(status int, v any) *answer {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("devserver: cannot encode an answer: " + err.Error()) // our own types, a mistake of ours
	}
	a := &answer{status: status, header: http.Header{}, body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
	a.header.Set("Content-Type", "application/json; charset=utf-8")
	return a
}

// tag gives the answer its ETag, a strong one made of the body's SHA-1, and
// turns it into a 304 when the client has that very string. It saves bytes
// only: the request was handled, and counted, in full.
func (a *answer) tag(r *http.Request) {
	sum := sha1.Sum(a.body)
	etag := `"` + base64.StdEncoding.EncodeToString(sum[:]) + `"`
	a.header.Set("Etag", etag)
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("If-None-Match") == etag {
		a.status, a.body = http.StatusNotModified, nil
	}
}

// send writes the answer. With truncate > 0 it breaks off after that many bytes
// of the body, and the connection with it.
func (a *answer) send(w http.ResponseWriter, r *http.Request, truncate int) {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead || a.status == http.StatusNotModified {
		return
	}
	if truncate > 0 && truncate < len(a.body) {
		w.Write(a.body[:truncate]) // the client's trouble is the purpose
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(a.body) // a client that went away is no news
}

// spoil makes the answer that goes out where f hit. sound is nil unless the server acted
// already; act makes it act.
func spoil(f *fault.Active, sound *answer, act func() *answer) *answer {
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
