package exitcode_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

type coded struct{ code int }

func (c coded) Error() string { return "coded" }
func (c coded) ExitCode() int { return c.code }

func TestOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nothing":                {nil, 0},
		"unknown":                {errors.New("odd"), 1},
		"interrupted":            {context.Canceled, 1},
		"not logged in":          {secret.ErrUnauthenticated, 4},
		"denied":                 {secret.ErrDenied, 5},
		"absent":                 {secret.ErrNotFound, 6},
		"unavailable":            {secret.ErrUnavailable, 7},
		"slow":                   {secret.ErrTimeout, 7},
		"too many":               {secret.ErrRateLimited, 7},
		"wrapped":                {fmt.Errorf("reading /demo: %w", secret.ErrNotFound), 6},
		"coded":                  {coded{8}, 8},
		"coded, wrapped":         {fmt.Errorf("mount: %w", coded{9}), 9},
		"coded beats a sentinel": {errors.Join(secret.ErrNotFound, coded{3}), 3},
		"login beats denied":     {errors.Join(secret.ErrDenied, secret.ErrUnauthenticated), 4},
	} {
		require.Equal(t, c.want, exitcode.Of(c.err), name)
	}
}

// The numbers are an interface: scripts compare with them.
func TestNumbersAreFixed(t *testing.T) {
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []int{
		exitcode.OK, exitcode.Other, exitcode.Usage, exitcode.Config, exitcode.Login,
		exitcode.Denied, exitcode.NotFound, exitcode.Unreachable, exitcode.Mountpoint, exitcode.FUSE,
	})
}
