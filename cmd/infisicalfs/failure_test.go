package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

func TestExitCodesAndHints(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("doing something: %w", err) }
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{usageError(newRoot(), "wrong"), exitcode.Usage, "infisicalfs --help"},
		{exitcode.Errorf(exitcode.Config, "do this", "wrong"), exitcode.Config, "do this"},
		{options.ErrNoCredentials, exitcode.Login, "--token-file"},
		{wrapped(secret.ErrUnauthenticated), exitcode.Login, "client id"},
		{wrapped(secret.ErrDenied), exitcode.Denied, "give the identity access"},
		{wrapped(secret.ErrNotFound), exitcode.NotFound, "slugs"},
		{wrapped(secret.ErrUnavailable), exitcode.Unreachable, "--url"},
		{wrapped(secret.ErrTimeout), exitcode.Unreachable, "--timeout"},
		{wrapped(secret.ErrTooLarge), exitcode.Other, "--max-secrets"},
		{wrapped(secret.ErrRateLimited), exitcode.Unreachable, "--rate-wait"},
		{&exitcode.Error{Err: errors.New("busy"), Hint: "wait", Code: exitcode.Mountpoint}, exitcode.Mountpoint, "wait"},
		{&exitcode.Error{Err: wrapped(secret.ErrDenied), Code: exitcode.Denied}, exitcode.Denied, "give the identity access"},
		{fmt.Errorf("%w: %w", errTold, wrapped(secret.ErrDenied)), exitcode.Denied, "give the identity access"},
		{errInterrupted, exitcode.Other, ""},
		{errors.New("anything"), exitcode.Other, ""},
	} {
		require.Equal(t, c.code, exitcode.Of(c.err), c.err.Error())
		if c.hint == "" {
			require.Empty(t, hintFor(c.err), c.err.Error())
		}
		require.Contains(t, hintFor(c.err), c.hint, c.err.Error())
	}
}

// A server's words or a path must not move the cursor or begin another line.
func TestOneLine(t *testing.T) {
	require.Equal(t, "a b [31mc d", oneLine("a\nb\x1b[31mc\x00d"))
	require.Equal(t, "größer", oneLine("größer"))
	require.Equal(t, `gpj\u202egolatac`, oneLine("gpj\u202egolatac"), "what turns the writing is not what a name seems to be")
	require.Equal(t, `a\u200bb\u2028c`, oneLine("a\u200bb\u2028c"))
	require.Equal(t, "\ufffd", oneLine("\xff"))
}

func TestUntilSignal(t *testing.T) {
	broken := errors.New("broken")
	require.ErrorIs(t, untilSignal(t.Context(), func(context.Context) error { return broken }), broken)
	require.NoError(t, untilSignal(t.Context(), func(context.Context) error { return nil }))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := untilSignal(ctx, func(ctx context.Context) error { return fmt.Errorf("logging in: %w", ctx.Err()) })
	require.ErrorIs(t, err, errInterrupted)
	err = untilSignal(ctx, func(context.Context) error { return broken })
	require.ErrorIs(t, err, broken, "what goes wrong on the way out is told")
}
