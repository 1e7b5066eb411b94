package client

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOutlineIsWhatAMoveKeeps(t *testing.T) {
	for _, same := range [][2]string{
		{"${A}", "${dev.app.A}"},
		{"x${A}y${dev.B}z", "x${dev.A}y${B}z"},
		{"${dev.${A}.KEY}", "${dev.${staging.A}.KEY}"},
		{"plain", "plain"},
	} {
		require.Equal(t, outline(same[0]), outline(same[1]))
	}
	for _, other := range [][2]string{{"${A}", "a"}, {"x${A}", "y${A}"}, {"${A}${B}", "${A}"}, {"${A", "${B"}, {"", "${A}"}} {
		require.NotEqual(t, outline(other[0]), outline(other[1]), other)
	}
}
