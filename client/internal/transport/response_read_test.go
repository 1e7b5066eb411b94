package transport

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// arrivals are the ways in which a body may come over the wire.
var arrivals = map[string]func(io.Reader) io.Reader{
	"at once":          func(r io.Reader) io.Reader { return r },
	"byte by byte":     iotest.OneByteReader,
	"with its own end": iotest.DataErrReader,
	"in halves":        iotest.HalfReader,
}

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
