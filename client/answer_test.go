package client

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestAnAnswerIsReadWhole(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 100_000} {
		want := strings.Repeat("x", n)
		for how, arrive := range arrivals {
			got, err := readWhole(arrive(strings.NewReader(want)))
			require.NoError(t, err, how)
			require.True(t, want == string(got), "%d, %s", n, how)
		}
	}
	broken := errors.New("broken")
	_, err := readWhole(io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
}
