package dockerplugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/volume"
	"infisicalfs/secret"
)

// fake is a Volumes in memory. slow is how long a mount takes that finds nothing
// mounted.
type fake struct {
	slow, slowUnmount time.Duration
	fail              error

	mu    sync.Mutex // guards what follows
	words map[string]map[string]string
	ids   map[string]map[string]bool
}

func newFake() *fake {
	return &fake{words: map[string]map[string]string{}, ids: map[string]map[string]bool{}}
}

func (f *fake) Create(name string, words map[string]string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, there := f.words[name]; there && !maps.Equal(old, words) {
		return errors.New("it exists with other options")
	}
	f.words[name], f.ids[name] = words, map[string]bool{}
	return nil
}

func (f *fake) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.words[name] == nil:
		return fmt.Errorf("removing: %w", volume.ErrNotFound)
	case len(f.ids[name]) > 0:
		return errors.New("it is in use")
	}
	delete(f.words, name)
	return nil
}

func (f *fake) Mount(ctx context.Context, name, id string) (string, error) {
	if f.fail != nil {
		return "", f.fail
	}
	if f.users(name) == 0 {
		select {
		case <-time.After(f.slow):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.words[name] == nil {
		return "", volume.ErrNotFound
	}
	f.ids[name][id] = true
	return "/base/" + name, nil
}

func (f *fake) users(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ids[name])
}

func (f *fake) Unmount(ctx context.Context, name, id string) error {
	select {
	case <-time.After(f.slowUnmount):
	case <-ctx.Done():
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.ids[name], id)
	return nil
}

func (f *fake) Get(name string) (volume.Volume, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.words[name] == nil {
		return volume.Volume{}, volume.ErrNotFound
	}
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	return volume.Volume{Name: name, Mountpoint: "/base/" + name, CreatedAt: made, Status: map[string]any{"shows": "/demo/dev"}}, nil
}

func (f *fake) List() (list []volume.Volume) {
	f.mu.Lock()
	names := slices.Sorted(maps.Keys(f.words))
	f.mu.Unlock()
	for _, name := range names {
		v, _ := f.Get(name)
		list = append(list, v)
	}
	return list
}

func (f *fake) Secret(_ context.Context, words map[string]string, key string) (secret.Value, error) {
	switch {
	case f.fail != nil:
		return secret.Value{}, f.fail
	case key == "EMPTY":
		return secret.NewValue(""), nil
	case key == "LARGE":
		return secret.NewValue(strings.Repeat("x", maxProvided+1)), nil
	}
	return secret.NewValue(key + " of " + words["project"] + "/" + words["env"] + words["path"]), nil
}

// engine is what calls a plugin.
type engine struct {
	t *testing.T
	*Plugin
	log bytes.Buffer // what the plugin logs; read it when nothing goes on
}

func newEngine(t *testing.T, f *fake) *engine {
	e := &engine{t: t}
	e.Plugin = New(Config{Volumes: f, Log: slog.New(slog.NewTextHandler(&e.log, nil))})
	t.Cleanup(e.Close)
	return e
}

// post sends body as it is and returns the status and the answer.
func (e *engine) post(path, body string) (int, string) {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader(body)))
	require.Equal(e.t, contentType, w.Header().Get("Content-Type"))
	return w.Code, w.Body.String()
}

// call expects success.
func (e *engine) call(path, body, answer string) {
	e.t.Helper()
	status, text := e.post(path, body)
	require.Equal(e.t, http.StatusOK, status, text)
	require.JSONEq(e.t, answer, text)
}

// refused expects a failure in the form that both engines understand, and returns its
// text.
func (e *engine) refused(path, body string) string {
	e.t.Helper()
	status, text := e.post(path, body)
	require.Equal(e.t, http.StatusInternalServerError, status, text)
	var answer map[string]string
	require.NoError(e.t, json.Unmarshal([]byte(text), &answer))
	require.Len(e.t, answer, 1)
	require.NotEmpty(e.t, answer["Err"])
	return answer["Err"]
}
