package dockerplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"infisicalfs/internal/volume"
)

// maxRequest is far more than an engine sends: names, options and labels.
const maxRequest = 1 << 20

// contentType is the version of the protocol.
const contentType = "application/vnd.docker.plugins.v1.2+json"

// Config says what a plugin does.
type Config struct {
	Volumes Volumes
	Log     *slog.Logger
	// Explain makes one line of an error, for people: what failed and what to do.
	// The engines show it. nil is the error's own text.
	Explain func(error) string
}

// Plugin answers engines. It is an [http.Handler], safe for concurrent use.
type Plugin struct {
	Config
	mux *http.ServeMux
	background
}

// New makes a plugin that answers from cfg.Volumes. Call Close when it is no longer
// served.
func New(cfg Config) *Plugin {
	if cfg.Explain == nil {
		cfg.Explain = error.Error
	}
	p := &Plugin{Config: cfg, mux: http.NewServeMux()}
	p.background.begin(cfg.Volumes, cfg.Log)
	handle(p, "/Plugin.Activate", activate)
	handle(p, "/VolumeDriver.Capabilities", capabilities)
	handle(p, "/VolumeDriver.Create", p.create)
	handle(p, "/VolumeDriver.Remove", p.remove)
	handle(p, "/VolumeDriver.Mount", p.mount)
	handle(p, "/VolumeDriver.Unmount", p.unmount)
	handle(p, "/VolumeDriver.Path", p.path)
	handle(p, "/VolumeDriver.Get", p.get)
	handle(p, "/VolumeDriver.List", p.list)
	handle(p, "/SecretProvider.GetSecret", p.secret)
	return p
}

// ServeHTTP answers one call.
func (p *Plugin) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// nothing is the answer to a call that has no result, and a request without content.
type nothing struct{}

// handle has do answer the calls of one path. An engine that hangs up does not cut short
// what it asked for: it may be asking again, and half of a change helps nobody.
func handle[Request, Answer any](p *Plugin, path string, do func(ctx context.Context, r Request) (Answer, error)) {
	p.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		var answer Answer
		request, err := decode[Request](w, r)
		if err == nil {
			answer, err = do(context.WithoutCancel(r.Context()), request)
		}
		took := time.Since(began).Round(time.Millisecond)
		if err != nil {
			level := slog.LevelError
			if errors.Is(err, volume.ErrNotFound) {
				level = slog.LevelDebug // Docker asks all plugins about each name that it does not know
			}
			p.Log.Log(r.Context(), level, "an engine's call failed", "call", path, subject(request), "took", took, "error", p.Explain(err))
			respond(w, http.StatusInternalServerError, map[string]string{"Err": p.Explain(err)})
			return
		}
		p.Log.Debug("answered an engine", "call", path, subject(request), "took", took)
		respond(w, http.StatusOK, answer)
	})
}

// decode reads a request's content. Podman sends none where there is nothing to say.
func decode[Request any](w http.ResponseWriter, r *http.Request) (request Request, err error) {
	defer r.Body.Close()
	err = json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&request)
	switch _, empty := any(request).(nothing); {
	case empty:
		return request, nil
	case err != nil:
		// The decoder's own words may repeat what was sent, such as an option's value.
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return request, fmt.Errorf("the request has more than %d bytes", maxRequest)
		}
		return request, errors.New("the request is not the JSON that was expected")
	}
	return request, nil
}

func respond(w http.ResponseWriter, status int, answer any) {
	text, err := json.Marshal(answer)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"Err":"the answer cannot be written as JSON"}`)
	}
	defer clear(text) // it may be a secret
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write(append(text, '\n')) // who does not wait for the answer does not want it
}

// subject names what a request is about, for the log: never a value of an option.
func subject(request any) slog.Attr {
	if named, ok := request.(interface{ subject() slog.Attr }); ok {
		return named.subject()
	}
	return slog.Attr{}
}

func activate(context.Context, nothing) (map[string][]string, error) {
	return map[string][]string{"Implements": {"VolumeDriver", "secretprovider"}}, nil
}
