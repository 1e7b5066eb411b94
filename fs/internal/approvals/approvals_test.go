package approvals

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var dev = secret.Dir{Project: "p", Env: "dev", Path: "/"}

// refusing is a server of which each change ends in the same way.
type refusing struct {
	secret.Writer
	err error
}

func (r *refusing) Create(context.Context, secret.Dir, string, secret.Value) (secret.Secret, error) {
	return secret.Secret{}, r.err
}

func (r *refusing) Update(context.Context, secret.Dir, string, secret.Value) (secret.Secret, error) {
	return secret.Secret{}, r.err
}

func (r *refusing) Annotate(context.Context, secret.Dir, string, *string, []string) (secret.Secret, error) {
	return secret.Secret{}, r.err
}

func (r *refusing) Rename(context.Context, secret.Dir, string, string) (secret.Secret, error) {
	return secret.Secret{}, r.err
}

func (r *refusing) Move(context.Context, secret.Dir, string, secret.Dir) error { return r.err }

func (r *refusing) Delete(context.Context, secret.Dir, string) error { return r.err }

// Each change that waits is known by its request until the secret is another, or a
// change of it was made.
func TestEachChangeIsKnownByItsRequest(t *testing.T) {
	server := &refusing{}
	var waiting Requests
	w := waiting.Writer(server)
	changes := map[string]func() error{
		"create":   func() error { _, err := w.Create(t.Context(), dev, "A", secret.Value{}); return err },
		"update":   func() error { _, err := w.Update(t.Context(), dev, "A", secret.Value{}); return err },
		"annotate": func() error { _, err := w.Annotate(t.Context(), dev, "A", nil, nil); return err },
		"rename":   func() error { _, err := w.Rename(t.Context(), dev, "A", "B"); return err },
		"move":     func() error { return w.Move(t.Context(), dev, "A", secret.Dir{}) },
		"delete":   func() error { return w.Delete(t.Context(), dev, "A") },
	}
	for change, do := range changes {
		server.err = fmt.Errorf("wrapped: %w", &secret.ApprovalError{Op: "x", Request: "id-" + change, Slug: "s"})
		require.ErrorIs(t, do(), secret.ErrApproval)
		got, ok := waiting.Of(dev, "A")
		require.True(t, ok, change)
		require.Equal(t, Request{dev, "A", change, "id-" + change, "s", got.At}, got)
		require.Len(t, waiting.List(), 1, "the latest of a secret")

		server.err = errors.New("something else")
		require.Error(t, do())
		require.Len(t, waiting.List(), 1, "which says nothing about the request")
		server.err = nil
		require.NoError(t, do())
		require.Empty(t, waiting.List(), change)
	}
	server.err = &secret.ApprovalError{}
	require.Error(t, changes["delete"]())
	waiting.Changed(dev, "OTHER")
	require.Len(t, waiting.List(), 1)
	waiting.Changed(dev, "A")
	require.Empty(t, waiting.List())
}

func TestRequestsAreBounded(t *testing.T) {
	var waiting Requests
	w := waiting.Writer(&refusing{err: &secret.ApprovalError{Request: "id"}})
	for i := range Max + 3 {
		_ = w.Delete(t.Context(), dev, fmt.Sprint(i))
	}
	require.Len(t, waiting.List(), Max)
	require.Equal(t, "3", waiting.List()[0].Name)
}
