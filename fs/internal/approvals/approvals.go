// Package approvals remembers which changes of secrets wait for an approval: a change
// policy on the server makes a request of what a person changes, and stores nothing
// until somebody has approved it. Whoever made the change was told that it failed, and
// has to find the request afterwards.
//
// What the server is asked to change goes through a [Requests.Writer], which sees the
// requests in its errors ([secret.ApprovalError]) and that a later change was made:
//
//	var waiting approvals.Requests
//	writer := waiting.Writer(server)
//	...
//	if r, ok := waiting.Of(dir, name); ok { // this change of the secret waits
//
// That a request was approved or refused is not asked: a request is forgotten when the
// secret changes ([Requests.Changed]), whoever has changed it.
package approvals

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Max is how many requests are remembered; then the oldest go.
const Max = 256

// Request is a change that waits for an approval. All of it may be shown.
type Request struct {
	Dir    secret.Dir
	Name   string // of the secret, the server's
	Change string // create, update, annotate, rename, move or delete
	ID     string // of the request; empty: the server did not say
	Slug   string // what the server's web page calls it, or empty
	At     time.Time
}

// Requests are those of one mount, the latest of each secret. The zero Requests are
// none. It is safe for concurrent use.
type Requests struct {
	mu   sync.Mutex // guards list; nothing is called under it
	list []Request  // the oldest first
}

// Of returns what is known to wait of a secret.
func (r *Requests) Of(dir secret.Dir, name string) (Request, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.find(dir, name); at >= 0 {
		return r.list[at], true
	}
	return Request{}, false
}

// List returns all, the oldest first.
func (r *Requests) List() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// Changed says that a secret is another than it was: nothing is known to wait of it
// any more.
func (r *Requests) Changed(dir secret.Dir, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(dir, name)
}

// noted remembers err if it is about an approval, and returns it.
func (r *Requests) noted(dir secret.Dir, name, change string, err error) error {
	waits, ok := errors.AsType[*secret.ApprovalError](err)
	if err != nil && !ok {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(dir, name)
	if ok {
		r.list = append(r.list, Request{dir, name, change, waits.Request, waits.Slug, time.Now()})
		r.list = r.list[max(0, len(r.list)-Max):]
	}
	return err
}

// find returns where the request about a secret is, or -1. [Requests.mu] is held.
func (r *Requests) find(dir secret.Dir, name string) int {
	return slices.IndexFunc(r.list, func(q Request) bool { return q.Dir == dir && q.Name == name })
}

// drop forgets the request about a secret. [Requests.mu] is held.
func (r *Requests) drop(dir secret.Dir, name string) {
	if at := r.find(dir, name); at >= 0 {
		r.list = slices.Delete(r.list, at, at+1)
	}
}

// Writer returns a Writer that makes the changes of w and remembers which of them wait.
func (r *Requests) Writer(w secret.Writer) secret.Writer { return &writer{w, r} }

type writer struct {
	secret.Writer
	requests *Requests
}

func (w *writer) Create(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	s, err := w.Writer.Create(ctx, dir, name, value)
	return s, w.requests.noted(dir, name, "create", err)
}

func (w *writer) Update(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	s, err := w.Writer.Update(ctx, dir, name, value)
	return s, w.requests.noted(dir, name, "update", err)
}

func (w *writer) Annotate(ctx context.Context, dir secret.Dir, name string, comment *string, tags []string) (secret.Secret, error) {
	s, err := w.Writer.Annotate(ctx, dir, name, comment, tags)
	return s, w.requests.noted(dir, name, "annotate", err)
}

func (w *writer) Rename(ctx context.Context, dir secret.Dir, from, to string) (secret.Secret, error) {
	s, err := w.Writer.Rename(ctx, dir, from, to)
	return s, w.requests.noted(dir, from, "rename", err)
}

func (w *writer) Move(ctx context.Context, dir secret.Dir, name string, to secret.Dir) error {
	return w.requests.noted(dir, name, "move", w.Writer.Move(ctx, dir, name, to))
}

func (w *writer) Delete(ctx context.Context, dir secret.Dir, name string) error {
	return w.requests.noted(dir, name, "delete", w.Writer.Delete(ctx, dir, name))
}
