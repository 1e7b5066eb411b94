package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Call answers a question. The parameters go with it, by name; from says who asks.
// The answer is turned into JSON. An error's text is sent too, and what to do about it
// if it is an [*Error].
type Call func(ctx context.Context, from Peer, params map[string]string) (answer any, err error)

// Stream is an answer that goes on with the connection itself, in words of its own, and
// closes it. Who asks is the first to say something.
type Stream func(conn *net.UnixConn)

// Error is why a call failed, with what to do about it and the exit code that fits.
type Error struct {
	Text string `json:"error"`
	Hint string `json:"hint,omitempty"`
	Code int    `json:"code"`
}

// Error returns what failed, without the hint.
func (r *Error) Error() string { return r.Text }

// Server answers for one mount. Close it at the mount's end.
type Server struct {
	http *http.Server
	dir  *directory
	name string        // of the socket
	over chan struct{} // closed when nothing is served any more
}

// maxParams bounds what a question may take.
const maxParams = 64 << 10

// Serve begins to answer for the mount with the given connection. The sockets that
// killed processes left behind are cleared away.
func Serve(connection int, calls map[string]Call, log *slog.Logger) (*Server, error) {
	name := socketName(connection)
	listener, dir, err := bind(name)
	if errors.Is(err, fs.ErrNotExist) { // its last user has just removed the directory
		listener, dir, err = bind(name)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, name: name, over: make(chan struct{})}
	s.http = &http.Server{
		Handler:           answering(calls),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.over)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("the control socket has ended", "error", err)
		}
	}()
	return s, nil
}

// bind makes the socket in the process's own directory.
func bind(name string) (net.Listener, *directory, error) {
	dir, err := own()
	if err != nil {
		return nil, nil, fmt.Errorf("no directory for the control socket: %w", err)
	}
	if swept.due(dir.path, time.Now()) {
		dir.sweep()
	}
	listener, err := net.Listen("unix", dir.address(name))
	if err != nil {
		dir.close()
		return nil, nil, fmt.Errorf("the control socket %s/%s: %w", dir.path, name, err)
	}
	return listener, dir, nil
}

// Close removes the socket, and its directory if there is no other, and ends what
// is being answered.
func (s *Server) Close() {
	s.http.Close() // removes the socket
	<-s.over
	s.dir.close()
	_ = os.Remove(s.dir.path) // fails while it is in use
}

type peerKey struct{}

func withPeer(ctx context.Context, c net.Conn) context.Context {
	if peer, err := peerOf(c); err == nil {
		return context.WithValue(ctx, peerKey{}, peer)
	}
	return ctx
}

// answering finds the call that the path names.
func answering(calls map[string]Call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, known := r.Context().Value(peerKey{}).(Peer)
		if !known || from.UID != uint32(os.Geteuid()) && from.UID != 0 {
			fail(w, http.StatusForbidden, errors.New("only the user who mounted, and root, may ask"))
			return
		}
		call := calls[strings.TrimPrefix(r.URL.Path, "/")]
		if call == nil {
			fail(w, http.StatusNotFound, errors.New("this version has no answer to that"))
			return
		}
		params := map[string]string{}
		if err := json.NewDecoder(io.LimitReader(r.Body, maxParams)).Decode(&params); err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("the parameters cannot be read: %w", err))
			return
		}
		answer, err := call(r.Context(), from, params)
		if err != nil {
			fail(w, http.StatusUnprocessableEntity, err)
			return
		}
		if stream, ok := answer.(Stream); ok {
			goOn(w, stream)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // fails if nobody waits for it any more
	})
}

// goOn leaves the connection to stream.
func goOn(w http.ResponseWriter, stream Stream) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	conn, ok := c.(*net.UnixConn)
	if _, err = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: stream\r\n\r\n"); !ok || err != nil {
		c.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	stream(conn)
}

func fail(w http.ResponseWriter, status int, err error) {
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		failure = &Error{Text: err.Error(), Code: 1}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failure)
}
