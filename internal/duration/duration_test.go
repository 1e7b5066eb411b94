package duration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatZeroMeans(t *testing.T) {
	for name, c := range map[string]struct{ configured, want time.Duration }{
		"not set":           {0, time.Minute},
		"set":               {time.Second, time.Second},
		"none":              {None, 0},
		"negative":          {-time.Hour, 0},
		"a flag of 0":       {FromFlag(0), 0},
		"a flag of 1 s":     {FromFlag(time.Second), time.Second},
		"a negative flag":   {FromFlag(-time.Hour), 0},
		"a flag of 1 ns":    {FromFlag(1), 1},
		"the default's own": {time.Minute, time.Minute},
	} {
		require.Equal(t, c.want, OrDefault(c.configured, time.Minute), name)
	}
	require.Negative(t, FromFlag(-time.Hour), "the caller sees that it is wrong")
}
