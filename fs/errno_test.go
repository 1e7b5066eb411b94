package fs

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestErrno(t *testing.T) {
	for _, c := range []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{secret.ErrNotFound, syscall.ENOENT},
		{secret.ErrDenied, syscall.EACCES},
		{secret.ErrUnauthenticated, syscall.EACCES},
		{secret.ErrUnavailable, syscall.EIO},
		{secret.ErrTimeout, syscall.ETIMEDOUT},
		{context.DeadlineExceeded, syscall.ETIMEDOUT},
		{context.Canceled, syscall.EINTR},
		{secret.ErrRateLimited, syscall.EAGAIN},
		{secret.ErrInexact, syscall.EIO},
		{secret.ErrInvalid, syscall.EINVAL},
		{secret.ErrExists, syscall.EEXIST},
		{secret.ErrNotEmpty, syscall.ENOTEMPTY},
		{secret.ErrConflict, syscall.EBUSY},
		{secret.ErrProtected, syscall.EPERM},
		{secret.ErrTooLarge, syscall.EFBIG},
		{errors.New("something else"), syscall.EIO},
		{syscall.ENOENT, syscall.EIO}, // not what a server says
		{fmt.Errorf("get: %w", secret.ErrDenied), syscall.EACCES},
		{fmt.Errorf("%w: %w", secret.ErrUnavailable, context.DeadlineExceeded), syscall.ETIMEDOUT},
		{errors.Join(secret.ErrNotFound, secret.ErrUnavailable), syscall.EIO},
		{errors.Join(secret.ErrNotFound, context.Canceled), syscall.EINTR},
	} {
		require.Equal(t, c.want, errnoOf(c.err), "%v", c.err)
	}
}
