package node

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/volume"
)

// coded is err as the kubelet wants it: with a code by which it decides whether the volume may be
// there after all. Canceled, DeadlineExceeded, Unavailable, ResourceExhausted and Aborted say that it may, and the kubelet
// tries again; for all others it cleans up first. The text, with what to do about it, is
// in the pod's events.
func coded(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(codeOf(err), explain(err))
}

func codeOf(err error) codes.Code {
	switch {
	case errors.Is(err, volume.ErrConflict):
		return codes.AlreadyExists
	case errors.Is(err, volume.ErrTooMany):
		return codes.ResourceExhausted
	case errors.Is(err, volume.ErrNotFound):
		return codes.NotFound
	case errors.Is(err, volume.ErrClosed): // the next process answers
		return codes.Unavailable
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	switch exitcode.Of(err) {
	case exitcode.Config, exitcode.Usage:
		return codes.InvalidArgument
	case exitcode.Login, exitcode.Denied:
		return codes.PermissionDenied
	case exitcode.NotFound:
		return codes.NotFound
	case exitcode.Unreachable:
		return codes.Unavailable
	}
	return codes.Internal
}

// explain is an error and what to do about it, on one line.
func explain(err error) string {
	text := err.Error()
	if failure, ok := errors.AsType[*exitcode.Error](err); ok && failure.Hint != "" {
		text += " (" + failure.Hint + ")"
	}
	return strings.Join(strings.Fields(text), " ")
}
