package node

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/volume"
	"infisicalfs/secret"
)

// By its code the kubelet decides whether a volume may be there after all.
func TestCodes(t *testing.T) {
	for want, errs := range map[codes.Code][]error{
		codes.OK:                {nil},
		codes.InvalidArgument:   {exitcode.Errorf(exitcode.Config, "", "x")},
		codes.AlreadyExists:     {volume.ErrConflict},
		codes.ResourceExhausted: {volume.ErrTooMany},
		codes.NotFound:          {volume.ErrNotFound, secret.ErrNotFound},
		codes.PermissionDenied:  {secret.ErrDenied, secret.ErrUnauthenticated},
		codes.Unavailable:       {volume.ErrClosed, secret.ErrUnavailable, secret.ErrTimeout, secret.ErrRateLimited},
		codes.DeadlineExceeded:  {context.DeadlineExceeded},
		codes.Canceled:          {context.Canceled},
		codes.Internal:          {errors.New("x"), exitcode.Errorf(exitcode.Mountpoint, "", "x")},
	} {
		for _, err := range errs {
			if err != nil {
				err = fmt.Errorf("volume a: %w", err)
			}
			require.Equal(t, want, status.Code(coded(err)), "%v", err)
		}
	}
	require.ErrorContains(t, coded(exitcode.Errorf(exitcode.Config, "do that", "two\nlines")), "two lines (do that)")
}
